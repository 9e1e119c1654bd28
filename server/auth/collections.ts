import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';
import type { ClientRecord } from '../principal/client-record.js';

/** A key made by the server; only the digest of its secret is stored. */
export interface ClientKey {
  key_id: string;
  client_id: string;
  /** Hex. */
  secret_sha256: string;
  label?: string;
  created_at: Date;
  /** Absent: never. */
  expires_at?: Date;
  /** To the day: `2026-11-23`. */
  last_used_on?: string;
}

/** A refresh token; `sha256:<hex>` where this server issued it, clear in older records. */
export interface RefreshToken {
  client_id: string;
  refresh_token: string;
  issued_at: Date;
  /** Absent: never. */
  expires_at?: Date;
  revoked?: boolean;
  last_accessed?: Date;
}

/** The collections of clients and of what proves who they are. */
export interface AuthCollections {
  clients: Collection<ClientRecord>;
  clientKeys: Collection<ClientKey>;
  refreshTokens: Collection<RefreshToken>;
  /** Failed logins, written by rate-limiter-flexible only. */
  loginFailures: Collection;
}

/** Their names in the database. */
export const authCollections = {
  clients: 'client_permissions',
  clientKeys: 'client_keys',
  refreshTokens: 'refresh_tokens',
  loginFailures: 'login_failures',
} satisfies Record<keyof AuthCollections, string>;

/** The indexes of clients, keys and tokens. */
export const authIndexes: readonly IndexRow<keyof AuthCollections>[] = [
  {
    collection: 'clients',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    options: { unique: true },
    serves: 'logins; the list of clients; one record per client',
  },
  {
    collection: 'clients',
    name: 'qp_allowed_queues',
    keys: { allowed_queues: 1 },
    serves: 'the owners of a restricted queue',
  },
  {
    collection: 'clientKeys',
    name: 'qp_key_id',
    keys: { key_id: 1 },
    options: { unique: true },
    serves: 'logins with a server-made key',
  },
  { collection: 'clientKeys', name: 'qp_client_id', keys: { client_id: 1 }, serves: 'the keys of a client' },
  {
    collection: 'clientKeys',
    name: 'qp_expiry',
    keys: { expires_at: 1 },
    options: { expireAfterSeconds: 0 },
    serves: 'keys are removed at their expiry',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_refresh_token',
    keys: { refresh_token: 1 },
    serves: 'refresh, revoke',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    serves: 'the refresh tokens of a client that is removed',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_idle',
    keys: { last_accessed: 1 },
    options: { expireAfterSeconds: 90 * daySeconds },
    serves: 'refresh tokens are removed after 90 days without use',
  },
  {
    collection: 'loginFailures',
    name: 'qp_key',
    keys: { key: 1 },
    options: { unique: true },
    serves: 'counters of failed logins',
  },
  {
    collection: 'loginFailures',
    name: 'qp_expiry',
    keys: { expire: -1 },
    options: { expireAfterSeconds: 0 },
    serves: 'counters are removed after their hour',
  },
];

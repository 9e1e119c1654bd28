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
  /** Absent if the key never expires. */
  expires_at?: Date;
  /** A day in UTC: `2026-11-23`. */
  last_used_on?: string;
}

/** A refresh token: `sha256:<hex>` if this server issued it, plain text in older records. */
export interface RefreshToken {
  client_id: string;
  refresh_token: string;
  issued_at: Date;
  /** Absent if the token never expires. */
  expires_at?: Date;
  revoked?: boolean;
  last_accessed?: Date;
  /** The key made by the server that got the token, which ends with the key. */
  key_id?: string;
  /** Hex of the SHA-256 of the stored hash of the secret that got the token, which ends with the secret. */
  hash_sha256?: string;
}

/** How a refresh token was got; neither field for endless tokens of agents and those of an existing database. */
export type TokenOrigin = Pick<RefreshToken, 'key_id' | 'hash_sha256'>;

/** A removed client. Until its last access token has expired, the record shows that the token must not be believed. */
export interface RemovedClient {
  client_id: string;
  removed_at: Date;
}

/** A disabled client. It has its own collection, since a Testflinger server also reads and writes the records of clients. */
export interface DisabledClient {
  /** The client id. */
  _id: string;
  disabled_at: Date;
  /** The subject and the issuer of a person, whose client id a Testflinger server may change. */
  sub?: string;
  iss?: string;
}

/** Records that a client logged in from a network, for 30 days. */
export interface LoginPrefix {
  client_id: string;
  /** The digest of the network: of the /24 of an IPv4 address, of the /48 of an IPv6 address. */
  prefix: string;
  last_login: Date;
}

/** The collections of clients, their keys, their refresh tokens and their failed logins. */
export interface AuthCollections {
  clients: Collection<ClientRecord>;
  clientKeys: Collection<ClientKey>;
  refreshTokens: Collection<RefreshToken>;
  removedClients: Collection<RemovedClient>;
  disabledClients: Collection<DisabledClient>;
  /** Failed logins, written by rate-limiter-flexible only. */
  loginFailures: Collection;
  loginPrefixes: Collection<LoginPrefix>;
}

/** The names of these collections in the database. */
export const authCollections = {
  clients: 'client_permissions',
  clientKeys: 'client_keys',
  refreshTokens: 'refresh_tokens',
  removedClients: 'removed_clients',
  disabledClients: 'disabled_clients',
  loginFailures: 'login_failures',
  loginPrefixes: 'login_prefixes',
} satisfies Record<keyof AuthCollections, string>;

/** The indexes of clients, keys and tokens. */
export const authIndexes: readonly IndexRow<keyof AuthCollections>[] = [
  {
    collection: 'clients',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    options: { unique: true },
    serves: 'logins; the list of clients; at most one record for a client id',
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
    serves: 'the removal of keys when they expire',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_refresh_token',
    keys: { refresh_token: 1 },
    serves: 'refreshing and revoking tokens',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    serves: 'the refresh tokens of a client',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_idle',
    keys: { last_accessed: 1 },
    options: { expireAfterSeconds: 90 * daySeconds },
    serves: 'the removal of refresh tokens after 90 days without use',
  },
  {
    collection: 'removedClients',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    options: { unique: true },
    serves: 'access tokens of clients that were removed, on the routes that check it',
  },
  {
    collection: 'removedClients',
    name: 'qp_removed',
    keys: { removed_at: 1 },
    options: { expireAfterSeconds: daySeconds },
    serves: 'the removal of these records after a day',
  },
  {
    collection: 'disabledClients',
    name: 'qp_sub',
    keys: { sub: 1 },
    options: { partialFilterExpression: { sub: { $exists: true } } },
    serves: 'whether a person is disabled who signs in',
  },
  {
    collection: 'loginFailures',
    name: 'qp_key',
    keys: { key: 1 },
    options: { unique: true },
    serves: 'the counters of failed logins',
  },
  {
    collection: 'loginFailures',
    name: 'qp_expiry',
    keys: { expire: -1 },
    options: { expireAfterSeconds: 0 },
    serves: 'the removal of counters after an hour',
  },
  {
    collection: 'loginPrefixes',
    name: 'qp_client_prefix',
    keys: { client_id: 1, prefix: 1 },
    options: { unique: true },
    serves: 'whether a client has logged in from a network; the networks of a client',
  },
  {
    collection: 'loginPrefixes',
    name: 'qp_expiry',
    keys: { last_login: 1 },
    options: { expireAfterSeconds: 30 * daySeconds },
    serves: 'the removal of networks from which a client has not logged in for 30 days',
  },
];

import type { Binary, Collection } from 'mongodb';
import type { TokenOrigin } from '../auth/collections.js';
import type { IndexRow } from '../core/index-row.js';

/** The provider's tokens of a session, sealed under `WEB_SECRET_KEY` with the session id as context. */
export interface SealedTokens {
  access: Binary;
  /** Absent if the provider gave none. */
  refresh?: Binary;
  /** When the access token expires; absent if the provider does not say. */
  expires_at?: Date;
  /** A process refreshes the tokens until then. */
  refreshing_until?: Date;
}

/** A signed-in browser. The cookie holds the session id, and the database only its digest. */
export interface Session {
  /** SHA-256 of the session id, base64url. */
  _id: string;
  /** Names the session in lists and to those who end it. */
  handle: string;
  client_id: string;
  /** The person's issuer and subject; absent for a sign-in with a client key. */
  iss?: string;
  sub?: string;
  method: 'oidc' | 'local' | 'once';
  created_at: Date;
  /** Written at most once a minute. */
  last_seen_at: Date;
  /** Absent if sessions do not end by idling. */
  idle_expires_at?: Date;
  expires_at: Date;
  source: string;
  user_agent?: string;
  /** The key or the secret that signed in, with which the session ends. */
  origin?: TokenOrigin;
  tokens?: SealedTokens;
}

/** A link that signs in once, as `npm start` prints it at a terminal. */
export interface OneTimeLink {
  /** SHA-256 of the link's token, base64url. */
  _id: string;
  client_id: string;
  expires_at: Date;
}

/** What all processes on one database must agree on: a value that is made from `WEB_SECRET_KEY`. */
export interface WebKeyCheck {
  _id: 'web_secret_key';
  check: string;
}

/** The collections of sessions. */
export interface SessionCollections {
  sessions: Collection<Session>;
  oneTimeLinks: Collection<OneTimeLink>;
  webKeyChecks: Collection<WebKeyCheck>;
}

/** The names of these collections in the database. */
export const sessionCollections = {
  sessions: 'sessions',
  oneTimeLinks: 'one_time_links',
  webKeyChecks: 'web_key_checks',
} satisfies Record<keyof SessionCollections, string>;

const untilExpiry = { keys: { expires_at: 1 }, options: { expireAfterSeconds: 0 } } as const;

/** The indexes of sessions. */
export const sessionIndexes: readonly IndexRow<keyof SessionCollections>[] = [
  {
    collection: 'sessions',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    serves: 'the sessions of a client',
  },
  {
    collection: 'sessions',
    name: 'qp_handle',
    keys: { handle: 1 },
    options: { unique: true },
    serves: 'the end of a session by its handle',
  },
  {
    collection: 'sessions',
    name: 'qp_expiry',
    ...untilExpiry,
    serves: 'the removal of sessions at their latest end',
  },
  {
    collection: 'oneTimeLinks',
    name: 'qp_expiry',
    ...untilExpiry,
    serves: 'the removal of links that nobody used',
  },
];

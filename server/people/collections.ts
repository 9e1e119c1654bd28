import type { Binary, Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';

/** A sign-in that has begun: it waits for the provider to lead the browser back. */
export interface LoginAttempt {
  /** SHA-256 of the `state`, base64url. */
  _id: string;
  /** The nonce and the PKCE verifier as JSON, sealed with the `state` as context. */
  sealed: Binary;
  /** The issuer to which the browser was led. */
  iss: string;
  /** The page to go to. */
  next: string;
  redirect_uri: string;
  /** SHA-256 of the secret in the browser's cookie. */
  browser: string;
  expires_at: Date;
}

/** A sign-in of a command line, which waits until its person has approved it at the provider. */
export interface DeviceCode {
  /** `sha256:<hex>` if this server made it; plain text if a Testflinger server did. */
  request_id: string;
  /** The issuer that the code is of; absent in records of a Testflinger server. */
  iss?: string;
  /** Sealed with the request id as context; plain text if a Testflinger server stored it. */
  device_code: Binary | string;
  /** Absent in records of a Testflinger server. */
  expires_at?: Date;
  /** Seconds between two polls. */
  interval?: number;
  polled_at?: Date;
  /** A process asks the provider until then. */
  polling_until?: Date;
}

/** The collections of sign-ins that have begun. */
export interface PeopleCollections {
  loginAttempts: Collection<LoginAttempt>;
  deviceCodes: Collection<DeviceCode>;
}

/** The names of these collections in the database. */
export const peopleCollections = {
  loginAttempts: 'login_attempts',
  deviceCodes: 'device_codes',
} satisfies Record<keyof PeopleCollections, string>;

const untilExpiry = { keys: { expires_at: 1 }, options: { expireAfterSeconds: 0 } } as const;

/** The indexes of sign-ins and of the records of people. */
export const peopleIndexes: readonly IndexRow<keyof PeopleCollections | 'clients'>[] = [
  {
    collection: 'loginAttempts',
    name: 'qp_expiry',
    ...untilExpiry,
    serves: 'the removal of sign-ins that nobody finished',
  },
  {
    collection: 'deviceCodes',
    name: 'qp_request_id',
    keys: { request_id: 1 },
    options: { unique: true },
    serves: 'the polls of a command line',
  },
  {
    collection: 'deviceCodes',
    name: 'qp_expiry',
    ...untilExpiry,
    serves: 'the removal of sign-ins that nobody approved',
  },
  {
    collection: 'clients',
    name: 'qp_person',
    keys: { sub: 1, iss: 1 },
    options: { unique: true, partialFilterExpression: { iss: { $exists: true } } },
    serves: 'the record of a person; at most one for an issuer and a subject',
  },
  {
    collection: 'clients',
    name: 'qp_sub',
    keys: { sub: 1 },
    options: { partialFilterExpression: { sub: { $exists: true } } },
    serves: 'records of people that a Testflinger server made, which have no issuer',
  },
  {
    collection: 'clients',
    name: 'qp_last_login',
    keys: { last_login: 1 },
    options: { expireAfterSeconds: 90 * daySeconds, partialFilterExpression: { sub: { $exists: true } } },
    serves: 'the removal of people who have not signed in for 90 days',
  },
];

/** Identifies a secret: its owner's client id, and its path in that client's namespace, such as `api/token`. */
export interface SecretPlace {
  clientId: string;
  path: string;
}

/** A secret as it is stored. */
export interface StoredSecret {
  value: string;
  /** Whether the secret is removed when a job reads it. */
  ephemeral: boolean;
  /** Absent if the secret does not expire. */
  expiresAt?: Date;
}

/** The job that a secret is read for. */
export interface SecretConsumer {
  jobId: string;
  /** Stores a copy of an ephemeral value for the job, so that the value is not lost if this process ends. */
  saveCopy(value: string): Promise<void>;
}

/**
 * Stores the secrets of clients. Callers check paths (`isSecretPath`) and permissions first. If the store is
 * unavailable, every method throws the database's error or an ApiError 503. If the store fails permanently, it throws
 * another error. No error contains a secret.
 */
export interface SecretsStore {
  /** Prepares the store when the process starts. @throws StartError if the store cannot be used as configured */
  prepare(): Promise<void>;
  /** Stores a secret, and replaces an existing one. */
  put(place: SecretPlace, secret: StoredSecret, now: Date): Promise<void>;
  /** Removes a secret if it exists. */
  remove(place: SecretPlace): Promise<void>;
  /** Removes all secrets of a client that is being removed, besides those in MongoDB. It can run again. */
  removeAll?(clientId: string): Promise<void>;
  /** Finds which of a client's `paths` can be read. It does not remove ephemeral secrets. */
  findReadable(clientId: string, paths: readonly string[], now: Date): Promise<Set<string>>;
  /**
   * Returns the value of a secret, or `undefined` if it does not exist. For an ephemeral secret, this method marks it
   * as claimed by the job, stores a copy for the job, and removes it, in this order. Whenever a process ends, at most
   * one job can read the secret.
   */
  read(place: SecretPlace, now: Date, consumer: SecretConsumer): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Whether a text is a valid secret path (v1 contract, section 5). */
export function isSecretPath(path: string): boolean {
  // A group for each part would overflow the stack on a path of several megabytes.
  return /^[a-zA-Z0-9_/-]+$/.test(path) && !`/${path}/`.includes('//');
}

/** Where a secret stands: its owner's client id, and its path in that client's namespace, such as `api/token`. */
export interface SecretPlace {
  clientId: string;
  path: string;
}

/** A secret as it is stored. */
export interface StoredSecret {
  value: string;
  /** It vanishes when it is read. */
  ephemeral: boolean;
  /** Absent: never. */
  expiresAt?: Date;
}

/** The job that a secret is read for. */
export interface SecretTaker {
  jobId: string;
  /** Keeps a copy of an ephemeral value for the job, so that it is not lost with the process that took it. */
  keep(value: string): Promise<void>;
}

/**
 * Keeps the secrets of clients. Paths are checked by the callers (`isSecretPath`), and so is who may ask. Every method
 * throws the database's own error or an ApiError 503 when the store is away, and another error when it fails for good;
 * no error holds a value.
 */
export interface SecretsStore {
  /** Makes the store ready at the start of a process. @throws StartError when it cannot be used as it is set up. */
  prepare(): Promise<void>;
  /** Stores a secret, over the one that is there. */
  put(place: SecretPlace, secret: StoredSecret, now: Date): Promise<void>;
  /** Removes a secret, if there is one. */
  remove(place: SecretPlace): Promise<void>;
  /** Of these paths of a client, those that `read` would give; nothing vanishes by it. */
  findReadable(clientId: string, paths: readonly string[], now: Date): Promise<Set<string>>;
  /**
   * The value, or `undefined` when there is none. An ephemeral one is marked as the job's, kept for it, and removed, in
   * this order: whenever a process dies, one job can have it and no other.
   */
  read(place: SecretPlace, now: Date, taker: SecretTaker): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Whether a text can be the path of a secret (v1 contract, section 5). */
export function isSecretPath(path: string): boolean {
  return /^[a-zA-Z0-9_-]+(\/[a-zA-Z0-9_-]+)*$/.test(path);
}

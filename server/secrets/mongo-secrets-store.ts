import { type Binary, type Collection, type Db, MongoServerError, type WithId } from 'mongodb';
import { presentSecretsCollection } from '../clients/secrets-namespace.js';
import { openValue, readKeyId, sealValue } from '../crypto/sealed-value.js';
import { StartError } from '../errors/start-error.js';
import type { DataKeys } from './data-keys.js';
import { ensureSecretsIndexes } from './secrets-indexes.js';
import type { SecretConsumer, SecretPlace, SecretsStore, StoredSecret } from './secrets-store.js';

/** A secret as existing databases store it; `key` is its path. */
interface SecretRecord {
  key: string;
  /** Encrypted; `crypto/sealed-value.ts` describes the format. */
  value: Binary;
  updated_at: Date;
  ephemeral?: boolean;
  expire_at?: Date | null;
  /** The id of the job that claimed an ephemeral secret. No other job can read the secret after that. */
  taken_by?: string;
}

/** Stores secrets in MongoDB, encrypted with the data key (v1 contract, section 6, "Secrets at rest"). */
export class MongoSecretsStore implements SecretsStore {
  /** Names of the collections whose indexes this process has created or found. */
  readonly #indexedCollections = new Set<string>();

  /** @param closeKeyVault ends the connection to the key vault, if it has its own */
  constructor(
    private readonly db: Db,
    private readonly dataKeys: DataKeys,
    private readonly closeKeyVault: () => Promise<void>,
  ) {}

  async prepare(): Promise<void> {
    await this.dataKeys.getCurrent().catch((error: unknown) => {
      // Unauthorized, AuthenticationFailed, and AtlasError, which Atlas sends instead.
      if (!(error instanceof MongoServerError) || ![13, 18, 8000].includes(Number(error.code))) throw error;
      throw new StartError(
        'MongoDB does not let this user read and write the key vault of the secrets (encryption.__keyVault): see TESTFLINGER_KEY_VAULT_URI, or grant the role readWrite on the database encryption',
      );
    });
  }

  async put({ clientId, path }: SecretPlace, secret: StoredSecret, now: Date): Promise<void> {
    const record = {
      // Read from the key vault each time: if the data key there was replaced, values encrypted with the old one would
      // be lost.
      value: sealValue(await this.dataKeys.getCurrent(), secret.value),
      updated_at: now,
      ephemeral: secret.ephemeral,
      expire_at: secret.expiresAt ?? null,
    };
    const secrets = await this.#indexedCollectionOf(clientId);
    // If two requests create the same path at once, the unique index makes MongoDB turn the second insert into an
    // update.
    await secrets.updateOne({ key: path }, { $set: record, $unset: { taken_by: '' } }, { upsert: true });
  }

  async remove({ clientId, path }: SecretPlace): Promise<void> {
    await this.#collectionOf(clientId).deleteMany({ key: path });
  }

  async findReadable(clientId: string, paths: readonly string[], now: Date): Promise<Set<string>> {
    const readable = new Set<string>();
    for await (const record of this.#collectionOf(clientId).find({ key: { $in: [...paths] } })) {
      if (record.taken_by !== undefined) continue;
      if ((await this.#openRecord(record, now)) !== undefined) readable.add(record.key);
    }
    return readable;
  }

  async read(
    { clientId, path }: SecretPlace,
    now: Date,
    { jobId, saveCopy }: SecretConsumer,
  ): Promise<string | undefined> {
    const secrets = this.#collectionOf(clientId);
    for (;;) {
      const record = await secrets.findOne({ key: path }, { sort: { updated_at: -1 } });
      if (record?.ephemeral !== true) return record ? this.#openRecord(record, now) : undefined;
      if (record.taken_by !== undefined && record.taken_by !== jobId) return undefined;
      // Decrypted first, so that a value whose key is not configured now stays until it is.
      const value = await this.#openRecord(record, now);
      if (value === undefined) return undefined;
      const seen = { _id: record._id, value: record.value, ephemeral: true };
      const unclaimed = { ...seen, taken_by: { $in: [null, jobId] } };
      const { matchedCount } = await secrets.updateOne(unclaimed as object, { $set: { taken_by: jobId } });
      // Another job claimed the secret, or a client replaced it: read it again.
      if (matchedCount === 0) continue;
      await saveCopy(value);
      await secrets.deleteOne({ ...seen, taken_by: jobId });
      return value;
    }
  }

  async close(): Promise<void> {
    await this.closeKeyVault();
  }

  #collectionOf(clientId: string): Collection<SecretRecord> {
    return this.db.collection<SecretRecord>(presentSecretsCollection(clientId));
  }

  async #indexedCollectionOf(clientId: string): Promise<Collection<SecretRecord>> {
    const secrets = this.#collectionOf(clientId);
    if (!this.#indexedCollections.has(secrets.collectionName)) {
      await ensureSecretsIndexes('secrets', secrets as unknown as Collection);
      this.#indexedCollections.add(secrets.collectionName);
    }
    return secrets;
  }

  /** Decrypts a value. Returns `undefined` for an expired secret, which MongoDB removes only after about a minute. */
  async #openRecord(
    { value, expire_at: expiry }: WithId<SecretRecord>,
    now: Date,
  ): Promise<string | undefined> {
    if (expiry != null && expiry <= now) return undefined;
    const keyId = readKeyId(value);
    const dataKey = keyId && (await this.dataKeys.find(keyId));
    return dataKey && openValue(dataKey, value);
  }
}

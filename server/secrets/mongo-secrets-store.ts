import { type Binary, type Collection, type Db, MongoServerError, type WithId } from 'mongodb';
import { presentSecretsNamespace } from '../clients/secrets-namespace.js';
import { openValue, readKeyId, sealValue } from '../crypto/sealed-value.js';
import { StartError } from '../errors/start-error.js';
import type { DataKeys } from './data-keys.js';
import { ensureSecretsIndexes } from './secrets-indexes.js';
import type { SecretPlace, SecretsStore, SecretTaker, StoredSecret } from './secrets-store.js';

/** A secret as existing databases have it; `key` is its path. */
interface SecretRecord {
  key: string;
  /** Sealed: see `crypto/sealed-value.ts`. */
  value: Binary;
  updated_at: Date;
  ephemeral?: boolean;
  expire_at?: Date | null;
  /** The job that an ephemeral one is given to; no other job gets it from then on. */
  taken_by?: string;
}

/** Secrets in MongoDB, sealed with the data key, in the peer's form (v1 contract, section 6, "Secrets at rest"). */
export class MongoSecretsStore implements SecretsStore {
  /** Namespaces whose indexes this process has seen to. */
  readonly #indexed = new Set<string>();

  /** @param closeVault ends the connection to the key vault, where that is one of its own */
  constructor(
    private readonly db: Db,
    private readonly dataKeys: DataKeys,
    private readonly closeVault: () => Promise<void>,
  ) {}

  async prepare(): Promise<void> {
    await this.dataKeys.getCurrent().catch((error: unknown) => {
      // Unauthorized, AuthenticationFailed, and the latter at Atlas.
      if (!(error instanceof MongoServerError) || ![13, 18, 8000].includes(Number(error.code))) throw error;
      throw new StartError(
        'MongoDB does not let this user read and write the key vault of the secrets (encryption.__keyVault): see TESTFLINGER_KEY_VAULT_URI, or grant the role readWrite on the database encryption',
      );
    });
  }

  async put({ clientId, path }: SecretPlace, secret: StoredSecret, now: Date): Promise<void> {
    const record = {
      // Asked of the vault each time: were its key replaced, what is sealed with the old one would be lost.
      value: sealValue(await this.dataKeys.getCurrent(), secret.value),
      updated_at: now,
      ephemeral: secret.ephemeral,
      expire_at: secret.expiresAt ?? null,
    };
    const secrets = await this.#openForWriting(clientId);
    // Of two first values of one path at once MongoDB itself makes the second a replacement, by the unique index.
    await secrets.updateOne({ key: path }, { $set: record, $unset: { taken_by: '' } }, { upsert: true });
  }

  async remove({ clientId, path }: SecretPlace): Promise<void> {
    await this.#open(clientId).deleteMany({ key: path });
  }

  async findReadable(clientId: string, paths: readonly string[], now: Date): Promise<Set<string>> {
    const readable = new Set<string>();
    for await (const record of this.#open(clientId).find({ key: { $in: [...paths] } })) {
      if (record.taken_by !== undefined) continue;
      if ((await this.#openRecord(record, now)) !== undefined) readable.add(record.key);
    }
    return readable;
  }

  async read(
    { clientId, path }: SecretPlace,
    now: Date,
    { jobId, keep }: SecretTaker,
  ): Promise<string | undefined> {
    const secrets = this.#open(clientId);
    for (;;) {
      const record = await secrets.findOne({ key: path }, { sort: { updated_at: -1 } });
      if (record?.ephemeral !== true) return record ? this.#openRecord(record, now) : undefined;
      if (record.taken_by !== undefined && record.taken_by !== jobId) return undefined;
      // Opened first, so that a value whose key is not at hand is kept for when it is.
      const value = await this.#openRecord(record, now);
      if (value === undefined) return undefined;
      const seen = { _id: record._id, value: record.value, ephemeral: true };
      const free = { ...seen, taken_by: { $in: [null, jobId] } };
      const { matchedCount } = await secrets.updateOne(free as object, { $set: { taken_by: jobId } });
      // Another job has it, or it was replaced: then the new one is read.
      if (matchedCount === 0) continue;
      await keep(value);
      await secrets.deleteOne({ ...seen, taken_by: jobId });
      return value;
    }
  }

  async close(): Promise<void> {
    await this.closeVault();
  }

  /** The one place where an id becomes part of a collection's name, as existing databases have it. */
  #open(clientId: string): Collection<SecretRecord> {
    return this.db.collection<SecretRecord>(`secrets.${presentSecretsNamespace(clientId)}`);
  }

  async #openForWriting(clientId: string): Promise<Collection<SecretRecord>> {
    const secrets = this.#open(clientId);
    if (!this.#indexed.has(secrets.collectionName)) {
      await ensureSecretsIndexes('secrets', secrets as unknown as Collection);
      this.#indexed.add(secrets.collectionName);
    }
    return secrets;
  }

  /** MongoDB removes what has expired within a minute or so; until then it is passed over. */
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

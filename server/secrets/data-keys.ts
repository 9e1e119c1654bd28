import { randomBytes } from 'node:crypto';
import { Binary, type Collection, type MongoClient, UUID } from 'mongodb';
import type { Logger } from 'pino';
import { openBytes, sealBytes, sealKeyBytes } from '../crypto/sealed-bytes.js';
import type { DataKey } from '../crypto/sealed-value.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { StartError } from '../errors/start-error.js';
import { ensureSecretsIndexes } from './secrets-indexes.js';

/** A data key as the key vault holds it, in the form of MongoDB's client-side field level encryption. */
export interface KeyVaultRecord {
  _id: Binary;
  keyAltNames?: string[];
  /** The data key, sealed with the master key. */
  keyMaterial: Binary;
  creationDate: Date;
  updateDate: Date;
  status: number;
  masterKey: { provider: string };
}

/** The name by which the data key of the secrets is known to all servers. */
export const dataKeyName = 'testflinger-secrets';

/** The key vault of a MongoDB server, where every Testflinger server looks for it, whatever its database is. */
export function getKeyVault(client: MongoClient): Collection<KeyVaultRecord> {
  return client.db('encryption').collection<KeyVaultRecord>('__keyVault', {
    // Values are sealed with what is read here: it must not be lost with a primary that steps down.
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
  });
}

const noAad = Buffer.alloc(0);

/** Opens sealed key material with the first of the master keys that fits, or gives `undefined`. */
export function openKeyMaterial(masterKeys: readonly Buffer[], material: Binary): Buffer | undefined {
  const sealed = Buffer.from(material.value());
  for (const masterKey of masterKeys) {
    const key = openBytes(masterKey, noAad, sealed);
    if (key?.length === sealKeyBytes) return key;
  }
  return undefined;
}

/** Seals a data key with a master key. */
export function sealKeyMaterial(masterKey: Buffer, key: Buffer): Binary {
  return new Binary(sealBytes(masterKey, noAad, key));
}

/**
 * The data keys of the secrets. One that was opened stays in memory for the life of the process, so that a rotation of
 * the master key, which leaves the data key as it is, disturbs nobody.
 */
export class DataKeys {
  readonly #opened = new Map<string, DataKey>();

  /** @param masterKeys the current one, which seals new data keys, then earlier ones */
  constructor(
    private readonly vault: Collection<KeyVaultRecord>,
    private readonly masterKeys: readonly [Buffer, ...Buffer[]],
    private readonly log: Logger,
  ) {}

  /**
   * The data key that new values are sealed with; made when the key vault has none. Servers that start at once on an
   * empty vault all get the one that was stored first.
   * @throws StartError when no master key opens it.
   */
  async getCurrent(): Promise<DataKey> {
    const record = (await this.#findNamed()) ?? (await this.#make());
    const opened = this.#open(record);
    if (opened !== undefined) return opened;
    throw new StartError(
      'TESTFLINGER_SECRETS_MASTER_KEY does not open the data key in the key vault: give the key that it was last rotated to, or that of the Testflinger server',
    );
  }

  /** The data key of an id, or `undefined` when the vault has none or no master key opens it, which is logged. */
  async find(id: Buffer): Promise<DataKey | undefined> {
    const known = this.#opened.get(id.toString('hex'));
    if (known !== undefined) return known;
    const record = await this.vault.findOne({ _id: new Binary(id, Binary.SUBTYPE_UUID) });
    const opened = record === null ? undefined : this.#open(record);
    if (opened === undefined) {
      const reason = record === null ? 'is not in the key vault' : 'is opened by none of the master keys';
      this.log.error({ data_key: id.toString('hex') }, `a secret cannot be read: its data key ${reason}`);
    }
    return opened;
  }

  /** Of doubles, which a vault without our index may hold, the oldest, as every server would find. */
  async #findNamed(): Promise<KeyVaultRecord | undefined> {
    const found = await this.vault.findOne(
      { keyAltNames: dataKeyName },
      { sort: { creationDate: 1, _id: 1 } },
    );
    return found ?? undefined;
  }

  async #make(): Promise<KeyVaultRecord> {
    await ensureSecretsIndexes('keyVault', this.vault as unknown as Collection);
    const now = new Date();
    const record: KeyVaultRecord = {
      _id: new UUID(),
      keyAltNames: [dataKeyName],
      keyMaterial: sealKeyMaterial(this.masterKeys[0], randomBytes(sealKeyBytes)),
      creationDate: now,
      updateDate: now,
      status: 0,
      masterKey: { provider: 'local' },
    };
    try {
      await this.vault.insertOne(record);
      return record;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const stored = await this.#findNamed();
      if (stored === undefined) throw error;
      return stored;
    }
  }

  #open({ _id, keyMaterial }: KeyVaultRecord): DataKey | undefined {
    const id = Buffer.from(_id.value());
    const name = id.toString('hex');
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const key = openKeyMaterial(this.masterKeys, keyMaterial);
    if (key === undefined) return undefined;
    const opened = { id, key };
    this.#opened.set(name, opened);
    return opened;
  }
}

import { randomBytes } from 'node:crypto';
import { Binary, type Collection, type MongoClient, UUID } from 'mongodb';
import type { Logger } from 'pino';
import { openBytes, sealBytes, sealKeyBytes } from '../crypto/sealed-bytes.js';
import type { DataKey } from '../crypto/sealed-value.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { StartError } from '../errors/start-error.js';
import { ensureSecretsIndexes } from './secrets-indexes.js';

/** A data key as the key vault stores it, in the format of MongoDB's client-side field level encryption. */
export interface KeyVaultRecord {
  _id: Binary;
  keyAltNames?: string[];
  /** The data key, encrypted with the master key. */
  keyMaterial: Binary;
  creationDate: Date;
  updateDate: Date;
  status: number;
  masterKey: { provider: string };
}

/** The name under which all servers find the data key of the secrets. */
export const dataKeyName = 'testflinger-secrets';

/**
 * Returns the key vault of a MongoDB server. Every Testflinger server uses this collection, whatever its database is.
 */
export function getKeyVault(client: MongoClient): Collection<KeyVaultRecord> {
  return client.db('encryption').collection<KeyVaultRecord>('__keyVault', {
    // Values are encrypted with the key that is read here, so the key must survive a failover.
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
  });
}

const noAad = Buffer.alloc(0);

/** Decrypts key material with the first master key that fits. Returns `undefined` if none does. */
export function openKeyMaterial(masterKeys: readonly Buffer[], material: Binary): Buffer | undefined {
  const sealed = Buffer.from(material.value());
  for (const masterKey of masterKeys) {
    const key = openBytes(masterKey, noAad, sealed);
    if (key?.length === sealKeyBytes) return key;
  }
  return undefined;
}

/** Encrypts a data key with a master key. */
export function sealKeyMaterial(masterKey: Buffer, key: Buffer): Binary {
  return new Binary(sealBytes(masterKey, noAad, key));
}

/**
 * Reads and creates the data keys of the secrets. A decrypted data key stays in memory until the process ends, so a
 * rotation of the master key, which does not change the data key, does not interrupt a running server.
 */
export class DataKeys {
  readonly #opened = new Map<string, DataKey>();

  /** @param masterKeys the current master key, which encrypts new data keys, followed by earlier ones */
  constructor(
    private readonly vault: Collection<KeyVaultRecord>,
    private readonly masterKeys: readonly [Buffer, ...Buffer[]],
    private readonly log: Logger,
  ) {}

  /**
   * Returns the data key that encrypts new values. Creates it if the key vault has none. Servers that start at the same
   * time on an empty key vault all get the data key that was stored first.
   * @throws StartError if no master key decrypts the data key
   */
  async getCurrent(): Promise<DataKey> {
    const record = (await this.#findNamed()) ?? (await this.#create());
    const opened = this.#open(record);
    if (opened !== undefined) return opened;
    throw new StartError(
      'TESTFLINGER_SECRETS_MASTER_KEY does not open the data key in the key vault: set it to the key of the last rotation, or to the key of the Testflinger server',
    );
  }

  /**
   * Finds a data key by its id. Logs an error and returns `undefined` if the key vault does not have it, or if no
   * master key decrypts it.
   */
  async find(id: Buffer): Promise<DataKey | undefined> {
    const known = this.#opened.get(id.toString('hex'));
    if (known !== undefined) return known;
    const record = await this.vault.findOne({ _id: new Binary(id, Binary.SUBTYPE_UUID) });
    const opened = record === null ? undefined : this.#open(record);
    if (opened === undefined) {
      const reason =
        record === null
          ? 'its data key is not in the key vault'
          : 'no configured master key opens its data key';
      this.log.error({ data_key: id.toString('hex') }, `a secret cannot be read: ${reason}`);
    }
    return opened;
  }

  /**
   * Finds the oldest data key with our name, so that all servers pick the same one in a key vault without our index.
   */
  async #findNamed(): Promise<KeyVaultRecord | undefined> {
    const found = await this.vault.findOne(
      { keyAltNames: dataKeyName },
      { sort: { creationDate: 1, _id: 1 } },
    );
    return found ?? undefined;
  }

  async #create(): Promise<KeyVaultRecord> {
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

import type { Collection } from 'mongodb';
import type { Logger } from 'pino';
import type { Connection, CoreSettings } from '../core/core.js';
import { openConnection } from '../db/connect.js';
import type { DatabaseSettings } from '../db/settings.js';
import { DataKeys, getKeyVault, type KeyVaultRecord } from './data-keys.js';
import { MongoSecretsStore } from './mongo-secrets-store.js';
import type { SecretsStore } from './secrets-store.js';
import type { SecretSettings } from './settings.js';
import { VaultClient } from './vault-client.js';
import { VaultSecretsStore } from './vault-secrets-store.js';

type StoreSettings = CoreSettings & DatabaseSettings & SecretSettings;

/**
 * Creates the secrets store that the settings name, or returns `undefined` if they name none. Vault takes precedence
 * over MongoDB. Sends no request yet.
 */
export function createSecretsStore(
  config: StoreSettings,
  connection: Connection,
  log: Logger,
): SecretsStore | undefined {
  const {
    vaultUrl,
    vaultToken,
    secretsMasterKey: masterKey,
    secretsPreviousMasterKeys: previous = [],
  } = config;
  if (vaultUrl !== undefined && vaultToken !== undefined) {
    return new VaultSecretsStore(new VaultClient(vaultUrl, vaultToken, config));
  }
  if (masterKey === undefined) return undefined;
  const vault = openKeyVault(config, connection);
  const dataKeys = new DataKeys(vault.collection, [masterKey, ...previous], log);
  return new MongoSecretsStore(connection.db, dataKeys, vault.close);
}

/** Opens the key vault. `close` ends its connection if the key vault is on another server than the data. */
function openKeyVault(
  config: StoreSettings,
  { client }: Connection,
): { collection: Collection<KeyVaultRecord>; close: () => Promise<void> } {
  const ownClient =
    config.keyVaultUri === undefined ? undefined : openConnection(config, config.keyVaultUri).client;
  return { collection: getKeyVault(ownClient ?? client), close: async () => ownClient?.close() };
}

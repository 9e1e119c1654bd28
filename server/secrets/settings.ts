import { optional, type SettingProblem, secret, type ValuesOf } from '../config/setting-row.js';
import { asText } from '../config/setting-types.js';
import { asHttpUrl, asMasterKey, asMasterKeyList, asMongodbUri } from './setting-readers.js';

const rows = {
  secretsMasterKey: secret(
    'TESTFLINGER_SECRETS_MASTER_KEY',
    asMasterKey,
    'Master key of the secrets in MongoDB, base64 of 96 bytes. It decrypts their data key. Without a master key and without a Vault, there is no secrets store.',
  ),
  secretsPreviousMasterKeys: secret(
    'TESTFLINGER_SECRETS_PREVIOUS_MASTER_KEYS',
    asMasterKeyList,
    'JSON array of master keys that can also decrypt the data key, for a rotation without an outage.',
  ),
  keyVaultUri: secret(
    'TESTFLINGER_KEY_VAULT_URI',
    asMongodbUri,
    'Connection string of the MongoDB that holds the key vault (`encryption.__keyVault`), if it is not the MongoDB that holds the data.',
  ),
  vaultUrl: optional(
    'TESTFLINGER_VAULT_URL',
    asHttpUrl,
    'URL of a HashiCorp Vault whose KV engine (version 2, mounted at `secret`) holds the secrets. It takes precedence over the master key.',
  ),
  vaultToken: secret('TESTFLINGER_VAULT_TOKEN', asText, 'Token for that Vault.'),
};

/** Values of the settings of the secrets store. */
export type SecretSettings = ValuesOf<typeof rows>;

/** Settings of the secrets store. */
export const secretSettings = { rows, listProblems: listVaultProblems };

/** Reports a Vault URL without a token: the server would silently store secrets in MongoDB, or not at all. */
function listVaultProblems({ vaultUrl, vaultToken }: SecretSettings): SettingProblem[] {
  if (vaultUrl === undefined || vaultToken !== undefined) return [];
  return [['TESTFLINGER_VAULT_TOKEN', 'is missing, while TESTFLINGER_VAULT_URL is given']];
}

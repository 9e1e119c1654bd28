import { optional, secret, type SettingProblem, type ValuesOf } from '../config/setting-row.js';
import { asText } from '../config/setting-types.js';
import { asHttpUrl, asMasterKey, asMasterKeyList, asMongodbUri } from './secrets-settings.js';

const rows = {
  secretsMasterKey: secret(
    'TESTFLINGER_SECRETS_MASTER_KEY',
    asMasterKey,
    'Base64 of 96 bytes: opens the data key of the secrets in MongoDB. Without it, and without a Vault, there is no secrets store.',
  ),
  secretsPreviousMasterKeys: secret(
    'TESTFLINGER_SECRETS_PREVIOUS_MASTER_KEYS',
    asMasterKeyList,
    'JSON array of master keys that also open the data key, for a rotation without an outage.',
  ),
  keyVaultUri: secret(
    'TESTFLINGER_KEY_VAULT_URI',
    asMongodbUri,
    'MongoDB that holds the key vault (`encryption.__keyVault`), when it is not the MongoDB that holds the data.',
  ),
  vaultUrl: optional(
    'TESTFLINGER_VAULT_URL',
    asHttpUrl,
    'HashiCorp Vault whose KV engine (version 2, mounted at `secret`) holds the secrets; takes precedence over the master key.',
  ),
  vaultToken: secret('TESTFLINGER_VAULT_TOKEN', asText, 'Token for that Vault.'),
};

/** The settings of the secrets store. */
export type SecretSettings = ValuesOf<typeof rows>;

/** Settings of the secrets store. */
export const secretSettings = { rows, listProblems: listVaultProblems };

/** Without its token the secrets would silently go to MongoDB, or nowhere. */
function listVaultProblems({ vaultUrl, vaultToken }: SecretSettings): SettingProblem[] {
  if (vaultUrl === undefined || vaultToken !== undefined) return [];
  return [['TESTFLINGER_VAULT_TOKEN', 'is missing, while TESTFLINGER_VAULT_URL is given']];
}

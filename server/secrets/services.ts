import type { SecretsStore } from './secrets-store.js';
import type { SecretSettings } from './settings.js';

/** The dependencies that the secrets area provides to functions. */
export interface SecretServices {
  config: SecretSettings;
  /** `undefined` if no store is configured. */
  secretsStore: SecretsStore | undefined;
}

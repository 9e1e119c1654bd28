import type { SecretsStore } from './secrets-store.js';
import type { SecretSettings } from './settings.js';

/** What secrets add to the dependencies of functions. */
export interface SecretServices {
  config: SecretSettings;
  /** Absent when none is configured. */
  secretsStore: SecretsStore | undefined;
}

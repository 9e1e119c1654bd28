import type { AuthSettings } from '../auth/settings.js';
import type { PeopleCollections } from './collections.js';
import type { Provider } from './provider.js';
import type { PeopleSettings } from './settings.js';

/** The dependencies that people add. */
export interface PeopleServices {
  config: PeopleSettings & AuthSettings;
  collections: PeopleCollections;
  provider: Provider;
}

import type { ClientCollections } from './collections.js';

/** The dependencies that client management needs besides those of auth. */
export interface ClientServices {
  collections: ClientCollections;
  /** Removes a client's data in all areas; it can run again. */
  removeClientData(clientId: string): Promise<void>;
}

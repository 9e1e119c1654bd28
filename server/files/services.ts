import type { FileCollections } from './collections.js';

/** What stored files add to the dependencies of functions. */
export interface FileServices {
  collections: FileCollections;
}

import type { Sealer } from '../crypto/sealer.js';
import type { SessionCollections } from './collections.js';
import type { FoundSession } from './find-sessions-batch.js';
import type { SessionSettings } from './settings.js';
import type { SignInLimit } from './sign-in-limit.js';

/** The dependencies that sessions add. */
export interface SessionServices {
  config: SessionSettings;
  collections: SessionCollections;
  /** Reads a session with its client's record, in one query with other reads of the same moment. */
  findSession(digest: string): Promise<FoundSession | undefined>;
  /** Seals what sessions and sign-ins keep secret, under `WEB_SECRET_KEY`. */
  webSealer: Sealer;
  signInLimit: SignInLimit;
}

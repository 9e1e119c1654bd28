import type { Permissions } from './permissions.js';

/** Who makes a request, as far as the credentials of its route tell. */
export interface Caller {
  /** A word that may be no role at all, when a token says so. */
  role: string;
  clientId?: string;
  /** Absent for anonymous callers and for tokens that state none. */
  permissions?: Permissions;
  /** The client showed its own key (not a token) for a route about itself. */
  byOwnKey?: boolean;
}

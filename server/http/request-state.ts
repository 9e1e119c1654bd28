import type { Principal } from '../principal/principal.js';
import type { BodyTimer } from './body-time.js';
import type { ClientAddress } from './client-address.js';
import type { AnyRoute } from './route.js';

/** What the middleware of a request stores for the routes and for the log line. */
export interface RequestState {
  requestId: string;
  address: ClientAddress;
  route?: AnyRoute;
  principal?: Principal;
  bodyTimer: BodyTimer;
  /** The job that the request is about, for the log line. */
  jobId?: string;
}

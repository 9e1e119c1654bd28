import type { HttpServices } from './services.js';

/** The methods that are label values of their own: a client may send any method that Node's parser accepts. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** A request that has a response. */
export interface AnsweredRequest {
  method: string;
  /** The route's path as declared, or `none`. */
  route: string;
  status: number;
  seconds: number;
}

/** Counts a request by its route, never by its path. */
export function countRequest(
  metrics: HttpServices['metrics'],
  { method: sent, route, status, seconds }: AnsweredRequest,
): void {
  const method = methods.has(sent) ? sent : 'other';
  metrics.httpRequests.inc({ method, route, status });
  metrics.httpSeconds.observe({ method, route }, seconds);
}

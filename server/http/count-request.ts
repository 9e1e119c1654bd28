import type { HttpServices } from './services.js';

/** A request may name any method that Node's parser knows. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** A request that was answered. */
export interface AnsweredRequest {
  method: string;
  /** The path of the route as it is declared, or `none`. */
  route: string;
  status: number;
  seconds: number;
}

/** Counts a request, by its route and never by its path. */
export function countRequest(
  metrics: HttpServices['metrics'],
  { method: sent, route, status, seconds }: AnsweredRequest,
): void {
  const method = methods.has(sent) ? sent : 'other';
  metrics.httpRequests.inc({ method, route, status });
  metrics.httpSeconds.observe({ method, route }, seconds);
}

import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Core } from '../core/core.js';
import { withoutRedaction } from '../core/log.js';
import type { ReadClientAddress } from './client-address.js';
import { countRequest } from './count-request.js';
import type { RequestState } from './request-state.js';
import type { HttpServices } from './services.js';

/**
 * Creates the middleware that assigns each request an id, counts it, and logs one line when it ends. The line names the
 * route, never the path, query or headers as sent: clients put keys there by mistake.
 */
export function createAccessLog(
  deps: Core & Pick<HttpServices, 'metrics'>,
  readClientAddress: ReadClientAddress,
): Middleware {
  const log = withoutRedaction(deps.log);
  return async (ctx, next) => {
    const started = performance.now();
    const state = ctx.state as RequestState;
    state.requestId = randomUUID();
    state.address = readClientAddress(ctx.req);
    ctx.set('X-Request-Id', state.requestId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    await next();
    const { method, status } = ctx;
    const route = state.route?.path ?? 'none';
    const ms = performance.now() - started;
    countRequest(deps.metrics, { method, route, status, seconds: ms / 1000 });
    log.info({
      request_id: state.requestId,
      method,
      route,
      status,
      ms: Math.round(ms * 10) / 10,
      bytes: ctx.length ?? 0,
      source: state.address.source,
      client_id: state.principal?.actor,
      job_id: state.jobId,
    });
  };
}

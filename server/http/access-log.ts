import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Deps } from '../deps.js';
import { withoutRedaction } from '../process/log.js';
import { countRequest } from './count-request.js';
import type { ReadClientAddress } from './client-address.js';
import type { RequestState } from './mount-routes.js';

/**
 * Gives each request its id, and counts it and writes one line when it ends. The line names the route and never the path, query or
 * headers as sent, since keys end up there by mistake.
 */
export function createAccessLog(deps: Deps, readClientAddress: ReadClientAddress): Middleware {
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
      client_id: state.caller?.clientId,
      job_id: state.jobId,
    });
  };
}

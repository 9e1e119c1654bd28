import Koa from 'koa';
import type { Deps } from './deps.js';
import { createAccessLog } from './http/access-log.js';
import { createClientAddressReader } from './http/client-address.js';
import { createErrorHandler } from './http/error-handler.js';
import { mountRoutes } from './http/mount-routes.js';
import { routes } from './routes.js';

/** What the end of a connection by its client is called. */
const clientGoneCodes = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** The whole pipeline: id and log line, errors, then the routes. */
export function createApp(deps: Deps): Koa {
  const app = new Koa();
  const readClientAddress = createClientAddressReader(deps.config.trustProxy, (text) => deps.log.warn(text));
  app.use(createAccessLog(deps, readClientAddress));
  app.use(createErrorHandler(deps));
  app.use(mountRoutes(deps, routes));
  // What is thrown after the answer began: a connection cut by its client, or a streamed answer that failed, which Koa cuts.
  app.on('error', (error: NodeJS.ErrnoException) => {
    if (clientGoneCodes.has(error.code ?? '')) deps.log.debug({ err: error }, 'connection ended early');
    else deps.log.error({ err: error }, 'an answer was cut in the middle');
  });
  return app;
}

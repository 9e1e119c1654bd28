import Koa from 'koa';
import { errorFamilies, routes, type ServerDeps, schemes } from './areas.js';
import { createIdentifyCaller } from './auth/identify-caller.js';
import { createAccessLog } from './http/access-log.js';
import { createClientAddressReader } from './http/client-address.js';
import { createErrorHandler } from './http/error-handler.js';
import { mountRoutes } from './http/mount-routes.js';
import { createHeadReader } from './http/request-head.js';
import { findSignInPath } from './sessions/settings.js';

/** The error codes of a connection that the client closed. */
const clientGoneCodes = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** Makes the whole pipeline: the request id and access log, the error handler, the request line, then the routes. */
export function createApp(deps: ServerDeps): Koa {
  const app = new Koa();
  const readClientAddress = createClientAddressReader(deps.config.trustProxy, (text) => deps.log.warn(text));
  app.use(createAccessLog(deps, readClientAddress));
  app.use(createErrorHandler(deps, errorFamilies, schemes, findSignInPath(deps.config)));
  app.use(createHeadReader(deps.config));
  app.use(mountRoutes(deps, routes, createIdentifyCaller(deps, schemes)));
  // Errors after the response began: the client closed the connection, or a streamed response failed and Koa closed it.
  app.on('error', (error: NodeJS.ErrnoException) => {
    if (clientGoneCodes.has(error.code ?? ''))
      deps.log.debug({ err: error }, 'the client closed the connection early');
    else deps.log.error({ err: error }, 'a response was cut short');
  });
  return app;
}

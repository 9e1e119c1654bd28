import Koa from 'koa';
import type { Deps } from './deps.js';
import { createAccessLog } from './http/access-log.js';
import { createClientAddressReader } from './http/client-address.js';
import { createErrorHandler } from './http/error-handler.js';
import { mountRoutes } from './http/mount-routes.js';
import { routes } from './routes.js';

/** The whole pipeline: id and log line, errors, then the routes. */
export function createApp(deps: Deps): Koa {
  const app = new Koa();
  const readClientAddress = createClientAddressReader(deps.config.trustProxy, (text) => deps.log.warn(text));
  app.use(createAccessLog(deps, readClientAddress));
  app.use(createErrorHandler(deps));
  app.use(mountRoutes(deps, routes));
  // What is thrown after the answer began, such as a connection cut by its client.
  app.on('error', (error: Error) => deps.log.debug({ err: error }, 'connection ended early'));
  return app;
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { queueLimit } from '../auth/bcrypt-pool.js';
import type { Deps } from '../deps.js';
import { readPackageVersion } from '../http/openapi.js';
import { DatabaseMeter } from './database-meter.js';
import { watchEventLoop } from './watch-event-loop.js';

/** The metrics of a process on a port of their own. */
export interface MetricsServer {
  /** Where they are. */
  url: string;
  close(): Promise<void>;
}

/**
 * Answers `GET /metrics` in the text format of Prometheus, and nothing else.
 * @throws Error with one line for the operator when it cannot listen
 */
export async function startMetricsServer(deps: Deps): Promise<MetricsServer> {
  const { metricsPort: port, metricsHost, host } = deps.config;
  const meter = new DatabaseMeter(deps);
  const server = createServer((request, response) => void answer(deps, meter, request, response));
  await listen(server, { host: metricsHost ?? host, port });
  const { metrics } = deps;
  metrics.buildInfo.set({ version: readPackageVersion() }, 1);
  metrics.bcryptQueueLimit.set(queueLimit);
  metrics.processStart.set(Math.round(performance.timeOrigin) / 1000);
  const endWatch = watchEventLoop(metrics);
  return {
    url: `${presentUrl(server)}/metrics`,
    async close() {
      endWatch();
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  deps: Deps,
  meter: DatabaseMeter,
  { method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url?.split('?')[0] !== '/metrics') return end(response, 404, 'Not found: metrics are at /metrics\n');
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405, 'Method Not Allowed\n');
  try {
    await meter.measure();
    readProcess(deps);
    for (const update of deps.metrics.beforeScrape) update();
    end(response, 200, await deps.metrics.registry.metrics(), deps.metrics.registry.contentType);
  } catch (error) {
    deps.log.error({ err: error }, 'the metrics could not be told');
    end(response, 500, 'Internal Server Error\n');
  }
}

function end(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' }).end(text);
}

/** What is cheaper to look at when it is asked for than to follow. */
function readProcess({ metrics, bcryptPool }: Deps): void {
  const { user, system } = process.cpuUsage();
  metrics.processCpu.reset();
  metrics.processCpu.inc((user + system) / 1e6);
  metrics.processMemory.set(process.memoryUsage.rss());
  metrics.bcryptQueue.set(bcryptPool.waiting);
}

async function listen(server: Server, address: { host: string; port: number }): Promise<void> {
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed).listen(address, () => {
        server.off('error', failed).on('error', () => undefined);
        done();
      });
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const place = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    const what =
      code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${code ?? message})`;
    throw new Error(`${place} ${what}: set METRICS_PORT or METRICS_HOST to another address`);
  }
}

function presentUrl(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

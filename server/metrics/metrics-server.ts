import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import type { Core } from '../core/core.js';
import type { HttpSettings } from '../http/settings.js';
import type { MetricsSettings } from './settings.js';

/** The server of the metrics port. */
export interface MetricsServer {
  /** The URL of the metrics. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the server of the metrics port, which serves only `GET /metrics`, in Prometheus's text format.
 * @param readText returns the metrics; called for each request
 * @throws Error with a one-line message for the operator when the server cannot listen
 */
export async function startMetricsServer(
  { config, log }: Pick<Core, 'log'> & { config: MetricsSettings & HttpSettings },
  readText: () => Promise<string>,
): Promise<MetricsServer> {
  const { metricsPort: port, metricsHost, host } = config;
  const server = createServer((request, response) => void answer({ log, readText }, request, response));
  await listen(server, { host: metricsHost ?? host, port });
  return {
    url: `${presentUrl(server)}/metrics`,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { log, readText }: Pick<Core, 'log'> & { readText: () => Promise<string> },
  { method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url?.split('?')[0] !== '/metrics') return end(response, 404, 'Not found: metrics are at /metrics\n');
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405, 'Method Not Allowed\n');
  try {
    end(response, 200, await readText(), Registry.PROMETHEUS_CONTENT_TYPE);
  } catch (error) {
    log.error({ err: error }, 'could not read the metrics');
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
    const where = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    const problem =
      code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${code ?? message})`;
    throw new Error(`${where} ${problem}: set METRICS_PORT or METRICS_HOST to another address`);
  }
}

function presentUrl(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

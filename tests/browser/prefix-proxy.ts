import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Owner } from '../support/server-process.js';

/**
 * Starts a proxy that adds a prefix unknown to the server behind it. Returns the proxy's URL with the prefix.
 * @param findTarget returns the server's URL at the first request: the server may need the proxy's URL to start
 */
export async function startPrefixProxy(t: Owner, findTarget: () => string, prefix: string): Promise<string> {
  const proxy = createServer((incoming, answer) => {
    const { method, headers, url = '' } = incoming;
    if (!url.startsWith(`${prefix}/`)) {
      answer.writeHead(404).end();
      return;
    }
    const passed = request(findTarget() + url.slice(prefix.length), { method, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`;
}

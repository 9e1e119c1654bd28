import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { startSignInWorld, webSecretKey } from '../support/sign-in-world.js';
import { startServer } from '../support/start-server.js';

/** Starts a proxy that forwards plain requests, refuses tunnels, and keeps the method and target of each. */
async function startProxy(t: ExecutionContext): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const proxy = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = incoming;
    requests.push(`${method} ${url}`);
    const forwarded = request(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  });
  proxy.on('connect', ({ url = '' }: IncomingMessage, socket) => {
    requests.push(`CONNECT ${url}`);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, requests };
}

test('a sign-in asks a provider with an http URL through HTTP_PROXY, and directly if NO_PROXY lists its host', async (t) => {
  const proxy = await startProxy(t);
  const { issuer, server, signIn, startAnother } = await startSignInWorld(t, {
    settings: { HTTP_PROXY: proxy.url },
  });
  t.is((await signIn()).final.url, `${server.url}/`);
  t.deepEqual(proxy.requests, [
    `GET ${issuer.url}/.well-known/openid-configuration`,
    `POST ${issuer.url}/oauth/token`,
    `GET ${issuer.url}/oauth/discovery/keys`,
  ]);
  const direct = await startAnother({ settings: { NO_PROXY: 'localhost,127.0.0.1' } });
  t.is((await signIn(undefined, { at: direct })).final.url, `${direct.url}/`);
  t.is(proxy.requests.length, 3);
});

test('a sign-in asks a provider with an https URL through HTTPS_PROXY, and directly if NO_PROXY lists its host', async (t) => {
  const proxy = await startProxy(t);
  let connections = 0;
  const provider = createTcpServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((done) => provider.listen(0, '127.0.0.1', done));
  t.teardown(() => provider.close());
  const host = `127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const settings = {
    OIDC_PROVIDER_ISSUER: `https://${host}`,
    OIDC_CLIENT_ID: 'lab',
    WEB_SECRET_KEY: webSecretKey,
    HTTPS_PROXY: proxy.url,
  };
  const proxied = await startServer(t, { settings });
  t.is((await proxied.request('/auth/login')).headers.get('location'), '/?login=unavailable');
  t.deepEqual([[...new Set(proxy.requests)], connections], [[`CONNECT ${host}`], 0]);
  const before = proxy.requests.length;
  const direct = await startServer(t, { settings: { ...settings, NO_PROXY: '127.0.0.1' } });
  t.is((await direct.request('/auth/login')).headers.get('location'), '/?login=unavailable');
  t.is(proxy.requests.length, before);
  t.true(connections > 0);
});

import test from 'ava';
import { createHostCheck } from '../../server/http/allowed-host.js';
import { rawRequest } from '../support/raw-request.js';
import { startServer } from '../support/start-server.js';

const loopbackOnly = {
  listen: { host: '127.0.0.1', port: 5000 },
  trustProxy: 0,
  publicUrl: undefined,
  allowedHosts: [],
} as const;

test('a server on a loopback address answers only under names that it knows', async (t) => {
  const settings = { ALLOWED_HOSTS: 'lab, QP.example', PUBLIC_URL: 'https://public.example:8443/qp' };
  const server = await startServer(t, { settings });
  const ask = (host: string, target = '/v1') =>
    rawRequest(server, [`GET ${target} HTTP/1.1`, `Host: ${host}`]);
  for (const host of [
    'localhost',
    'LOCALHOST:5000',
    'localhost.',
    'queuepass.localhost',
    '127.0.0.1:5000',
    '127.1.2.3',
    '[::1]:5000',
    'lab',
    'qp.example:80',
    'public.example',
  ])
    t.is((await ask(host)).status, 200, host);
  for (const host of [
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'qp.example.',
    '10.0.0.1',
    '',
  ])
    t.is((await ask(host)).status, host === 'qp.example.' ? 200 : 421, host);
  const refused = await ask('evil.example:5000', '/v1/job');
  t.deepEqual(JSON.parse(refused.body), {
    message:
      'This server is not known by the host name in the request: set PUBLIC_URL, ALLOWED_HOSTS or TRUST_PROXY',
    detail: {},
  });
  t.is((await ask('localhost', 'http://evil.example/v1')).status, 421);
  t.is((await ask('evil.example', 'http://localhost/v1')).status, 200);
  t.true(server.logged.some(({ event, outcome }) => event === 'host_refused' && outcome === 'refused'));
});

test('a server that others can reach, or that a proxy names, answers under every name', (t) => {
  t.false(createHostCheck(loopbackOnly)('evil.example'));
  t.false(createHostCheck({ ...loopbackOnly, listen: { host: '::1', port: 0 } })('evil.example'));
  t.true(createHostCheck({ ...loopbackOnly, allowedHosts: ['*'] })('evil.example'));
  t.true(createHostCheck({ ...loopbackOnly, trustProxy: 1 })('evil.example'));
  t.true(createHostCheck({ ...loopbackOnly, trustProxy: ['127.0.0.0/8'] })('evil.example'));
  t.true(createHostCheck({ ...loopbackOnly, listen: { host: '0.0.0.0', port: 0 } })('evil.example'));
  t.true(createHostCheck({ ...loopbackOnly, listen: { path: '/run/qp.sock' } })('evil.example'));
});

import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';
import { createJsonFamily } from '../../server/errors/json-family.js';
import { createErrorHandler } from '../../server/http/error-handler.js';
import type { MountDeps } from '../../server/http/mount-deps.js';
import { mountRoutes } from '../../server/http/mount-routes.js';
import { literalPrefix, PrefixTable } from '../../server/http/prefix-table.js';
import { text } from '../../server/http/reply.js';
import { type AnyRoute, routesOf } from '../../server/http/route.js';

const route = routesOf<MountDeps>();

/** A public route that answers with its own path as declared, and with its parameters. */
function echo(method: 'GET' | 'POST', path: string, wildcard = false): AnyRoute<MountDeps> {
  return route({
    method,
    path,
    wildcard,
    family: 'v1',
    summary: 'A route of a test',
    access: 'public',
    audit: { none: 'a test' },
    answers: { 200: { description: 'Its path.', content: 'text' } },
    handle: (_deps, { params }) => text(`${path} ${JSON.stringify(params)}`),
  });
}

/** Serves routes on a free port. */
async function serve(t: ExecutionContext, routes: readonly AnyRoute<MountDeps>[], basePath = '') {
  const deps = { config: { basePath }, log: { error: () => undefined } } as unknown as MountDeps;
  const app = new Koa();
  app.use((ctx, next) => {
    ctx.state.address = { source: 'local', secure: false };
    return next();
  });
  const family = createJsonFamily({ name: 'v1', prefixes: ['/'], includesRequestId: false, quirks: [] });
  app.use(createErrorHandler(deps, [family]));
  app.use(mountRoutes(deps, routes, () => undefined));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return async (method: string, path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${basePath}${path}`, { method });
    return [response.status, await response.text(), response.headers.get('allow')];
  };
}

test('a parameter can stand in the first, the second and the last place of a path', async (t) => {
  const send = await serve(t, [
    echo('GET', '/agents/{name}'),
    echo('POST', '/agents/{name}/state'),
    echo('GET', '/agents'),
    echo('GET', '/{page}'),
    echo('GET', '/files/{owner}/{path}', true),
  ]);
  t.deepEqual(await send('GET', '/agents/a1'), [200, '/agents/{name} {"name":"a1"}', null]);
  t.deepEqual(await send('POST', '/agents/a1/state'), [200, '/agents/{name}/state {"name":"a1"}', null]);
  t.deepEqual(await send('GET', '/agents'), [200, '/agents {}', null]);
  t.deepEqual(await send('GET', '/about'), [200, '/{page} {"page":"about"}', null]);
  t.deepEqual(await send('GET', '/files/me/a/b'), [
    200,
    '/files/{owner}/{path} {"owner":"me","path":"a/b"}',
    null,
  ]);
  t.is((await send('GET', '/agents/a1/b/c'))[0], 404);
});

test('the longest literal prefix is tried first, then the shorter ones; methods of all of them are allowed', async (t) => {
  const send = await serve(
    t,
    [echo('GET', '/v1/job/{id}'), echo('POST', '/v1/job/search'), echo('GET', '/v1/job/search')],
    '/lab',
  );
  t.deepEqual(await send('GET', '/v1/job/search'), [200, '/v1/job/search {}', null]);
  t.deepEqual(await send('GET', '/v1/job/7'), [200, '/v1/job/{id} {"id":"7"}', null]);
  const [status, , allow] = await send('DELETE', '/v1/job/search');
  t.deepEqual([status, allow], [405, 'GET, HEAD, POST']);
  t.is((await send('GET', '/v1/jobs'))[0], 404);
});

test('two routes that match the same requests stop the start', async (t) => {
  const routes = [echo('GET', '/agents/{name}'), echo('GET', '/agents/{agent}')];
  await t.throwsAsync(serve(t, routes), {
    message: 'GET /agents/{agent} matches the same requests as GET /agents/{name}',
  });
});

test('a prefix matches whole segments only', (t) => {
  const table = new PrefixTable<string>();
  for (const prefix of ['', '/v1', '/v1/job', '/v1/job/search']) table.set(prefix, prefix);
  t.deepEqual(table.find('/v1/job/search'), ['/v1/job/search', '/v1/job', '/v1', '']);
  t.deepEqual(table.find('/v1/jobs/x'), ['/v1', '']);
  t.deepEqual(table.find('/v1/job/'), ['/v1/job', '/v1', '']);
  t.deepEqual(table.find('/'), ['']);
  t.is(literalPrefix('/v1/job/{job_id}/position'), '/v1/job');
  t.is(literalPrefix('/{page}'), '');
  t.is(literalPrefix('/v1/job'), '/v1/job');
});

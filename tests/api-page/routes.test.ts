import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'ava';
import { bearer } from '../support/clients.js';
import { rawRequest } from '../support/raw-request.js';
import { shareServer } from '../support/share-server.js';
import { cookieOf, startSignInWorld } from '../support/sign-in-world.js';
import { startServer } from '../support/start-server.js';

const server = shareServer(test);
const { resolve } = createRequire(import.meta.url);
const started = new URL('../../server/api-page/start.js', import.meta.url);

/** The files of the page: path, content type and source file. */
const files = [
  ['/docs/start.js', 'text/javascript; charset=utf-8', started],
  ['/docs/swagger-ui.css', 'text/css; charset=utf-8', resolve('swagger-ui-dist/swagger-ui.css')],
  [
    '/docs/swagger-ui-bundle.js',
    'text/javascript; charset=utf-8',
    resolve('swagger-ui-dist/swagger-ui-bundle.js'),
  ],
] as const;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
];

test('the page is HTML with a content security policy that allows only files of this server', async (t) => {
  const response = await server().request('/docs');
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'text/html; charset=utf-8');
  t.is(response.headers.get('x-content-type-options'), 'nosniff');
  t.is(response.headers.get('referrer-policy'), 'no-referrer');
  t.is(response.headers.get('cache-control'), 'no-cache');
  t.deepEqual(response.headers.get('content-security-policy')?.split('; '), policy);
  const html = await response.text();
  t.false(
    /<script(?![^>]* src=)|<style|\son\w+=|style=|\/\//.test(html),
    'no inline script or style, and no other host',
  );
});

test('the page links to existing files and to the document by relative URLs', async (t) => {
  for (const basePath of ['', '/lab/qp']) {
    const { request } = await startServer(t, { settings: { BASE_PATH: basePath } });
    const html = await (await request(`${basePath}/docs`)).text();
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
    t.deepEqual(links, [
      'data:,',
      'docs/swagger-ui.css',
      'docs/swagger-ui-bundle.js',
      'docs/start.js',
      'openapi.json',
    ]);
    for (const link of links.slice(1)) {
      const { status, body } = await request(`${basePath}/${link}`);
      t.is(status, 200, basePath + link);
      await body?.cancel();
    }
  }
});

test('each file is sent unchanged, with its content type', async (t) => {
  for (const [path, type, file] of files) {
    const response = await server().request(path);
    t.is(response.status, 200, path);
    t.is(response.headers.get('content-type'), type);
    t.is(response.headers.get('x-content-type-options'), 'nosniff');
    t.is(response.headers.get('cache-control'), 'no-cache');
    t.true(Buffer.from(await response.arrayBuffer()).equals(readFileSync(file)), path);
  }
});

test('a client that has the current file gets 304, and a client that has another version gets the file', async (t) => {
  const tags = new Set<string>();
  for (const path of ['/docs', ...files.map(([file]) => file)]) {
    const etag = (await server().request(path)).headers.get('etag') ?? '';
    t.regex(etag, /^"[\w-]{43}"$/);
    tags.add(etag);
    const ask = async (tag: string, method = 'GET') => {
      const response = await server().request(path, { method, headers: { 'if-none-match': tag } });
      const { length } = await response.arrayBuffer().then((body) => new Uint8Array(body));
      return [response.status, response.headers.get('etag'), length > 0];
    };
    t.deepEqual(await ask(etag), [304, etag, false], path);
    t.deepEqual(await ask(`"other", W/${etag}`), [304, etag, false], path);
    t.deepEqual(await ask(etag, 'HEAD'), [304, etag, false], path);
    t.deepEqual(await ask('"other"'), [200, etag, true], path);
  }
  t.is(tags.size, 4);
});

test('HEAD returns content type, length and ETag', async (t) => {
  for (const [path, type, file] of files) {
    const { status, headers } = await server().request(path, { method: 'HEAD' });
    t.is(status, 200);
    t.is(headers.get('content-type'), type);
    t.is(headers.get('content-length'), String(readFileSync(file).length));
    t.truthy(headers.get('etag'));
  }
});

test('no other file is served, however its path is written', async (t) => {
  for (const path of [
    '/docs/package.json',
    '/docs/index.html',
    '/docs/swagger-ui.css.map',
    '/docs/swagger-ui.js',
    '/docs/page.ts',
    '/docs/SWAGGER-UI.css',
    '/docs/swagger-ui.css%00',
    '/docs/../package.json',
    '/docs/..%2f..%2fpackage.json',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/docs/..%5c..%5cpackage.json',
    '/docs/....//package.json',
    '/docs//etc/passwd',
    '/docs/swagger-ui.css/../../../package.json',
    '/docs%2fstart.js',
  ]) {
    const response = await rawRequest(server(), [`GET ${path} HTTP/1.1`, 'Host: x']);
    t.deepEqual([response.status, response.body], [404, `Not found: ${path}`], path);
    t.is(response.headers['content-type'], 'text/plain; charset=utf-8');
  }
});

test('a trailing slash is redirected to a relative URL, also under a base path', async (t) => {
  for (const basePath of ['', '/lab/qp']) {
    const { request } = await startServer(t, { settings: { BASE_PATH: basePath } });
    const response = await request(`${basePath}/docs/`);
    t.deepEqual([response.status, response.headers.get('location')], [308, '../docs']);
  }
});

test('with DOCS_PUBLIC=false, the page, its files and the document need a session or an access token', async (t) => {
  const paths = [
    '/docs',
    '/docs/start.js',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-bundle.js',
    '/openapi.json',
  ];
  const open = await startServer(t, { settings: { ANONYMOUS_ACCESS: 'deny' } });
  for (const path of paths) t.is((await open.request(path)).status, 200, path);

  const { server, signIn } = await startSignInWorld(t, {
    settings: { DOCS_PUBLIC: 'false', BASE_PATH: '/lab' },
  });
  // Where anonymous callers may use the API, they still cannot read its description.
  const local = await startServer(t, { settings: { DOCS_PUBLIC: 'false' } });
  const { browser } = await signIn();
  for (const path of paths) {
    t.is((await local.request(path)).status, 401, path);
    t.is((await server.request(`/lab${path}`)).status, 401, path);
    for (const role of ['agent', 'contributor'])
      t.is((await server.request(`/lab${path}`, { headers: bearer(server, { role }) })).status, 200, path);
    t.is((await server.request(`/lab${path}`, { headers: cookieOf(browser, server.url) })).status, 200, path);
  }
  const page = await (await server.request('/lab/docs')).text();
  t.true(page.includes('You need to sign in to access this page.'), page);
  t.true(page.includes('href="/lab/auth/login?next=%2Flab%2Fdocs">Sign In</a>'), page);
  const document = await server.request('/lab/openapi.json');
  t.is(document.headers.get('www-authenticate'), 'Bearer realm="queuepass"');
  t.is(
    ((await document.json()) as { message: string }).message,
    'Authentication is required for specified endpoint',
  );
});

import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { routes } from '../../server/areas.js';
import { defaultBodyLimit } from '../../server/http/parse-input.js';
import { type AnyRoute, rolesOf } from '../../server/http/route.js';
import { toJsonSchema } from '../../server/schema/schema.js';
import { bearer } from '../support/clients.js';
import { rawRequest } from '../support/raw-request.js';
import { startServer, type TestServer } from '../support/start-server.js';

/** A valid value for each path parameter, so that only the tested input is invalid. */
const parameters: Record<string, string> = {
  job_id: '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d',
  log_type: 'output',
};
const pathOf = ({ path }: AnyRoute) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? 'thing');
const nameOf = ({ method, path }: AnyRoute) => `${method} ${path}`;
const jsonRoutes = routes.filter(({ body }) => body?.mode === 'json');

function tokenFor(server: TestServer, route: AnyRoute): Record<string, string> {
  const role = rolesOf(route).at(-1);
  return role === undefined ? {} : bearer(server, { client_id: 'thing', role });
}

async function send(
  server: TestServer,
  route: AnyRoute,
  body: string | Uint8Array<ArrayBuffer>,
  type = 'application/json',
): Promise<{ status: number; text: string }> {
  const headers = { ...tokenFor(server, route), 'content-type': type };
  const response = await server.request(pathOf(route), { method: route.method, headers, body });
  return { status: response.status, text: await response.text() };
}

const validation = (reasons: object) => ({
  status: 422,
  text: JSON.stringify({ message: 'Validation error', detail: { json: reasons } }),
});
/** Removes the request's id, which our own routes add, before a comparison. */
const withoutId = ({ status, text }: { status: number; text: string }) => ({
  status,
  text: text.replace(/,"request_id":"[0-9a-f-]{36}"/, ''),
});
const badRequest = { status: 400, text: '{"message":"Bad Request","detail":{}}' };
const tooLarge = { status: 413, text: '{"message":"Payload too large","detail":{}}' };

/** Values of every JSON type. A field refuses the values of all types that it does not accept. */
const samples: Record<string, unknown[]> = {
  object: [{ $ne: null }, { $gt: '' }, { $where: 'sleep(1)' }],
  array: [[], ['$x'], [{ $ne: 1 }]],
  string: ['$x', '$$ROOT', '{"$ne":1}'],
  fraction: [1.5, 1e308],
  huge: [2 ** 53],
  number: [5],
  boolean: [true],
  null: [null],
};
/** For each JSON Schema type, the kinds of samples that a field accepts, or can accept depending on the value. */
const accepts: Record<string, string[]> = {
  string: ['string'],
  integer: ['number', 'string'],
  boolean: ['boolean', 'string', 'number'],
  array: ['array'],
  object: ['object'],
};

test('a field of a wrong type is reported by its name, on every route', async (t) => {
  const server = await startServer(t);
  let tried = 0;
  for (const route of jsonRoutes) {
    const schema = toJsonSchema(route.body?.schema as never) as {
      properties?: Record<string, { type?: string }>;
    };
    for (const [field, { type = '' }] of Object.entries(schema.properties ?? {})) {
      const acceptedKinds = accepts[type];
      if (acceptedKinds === undefined) continue;
      for (const [kind, values] of Object.entries(samples)) {
        if (acceptedKinds.includes(kind)) continue;
        for (const value of values) {
          const response = await send(server, route, JSON.stringify({ [field]: value }));
          const place = `${nameOf(route)} ${field}=${JSON.stringify(value)}: ${response.status} ${response.text}`;
          t.is(response.status, 422, place);
          const { message, detail } = JSON.parse(response.text) as {
            message: string;
            detail: { json: object };
          };
          t.is(message, 'Validation error', place);
          t.true(field in detail.json, place);
          tried += 1;
        }
      }
    }
  }
  t.true(tried > 200);
});

test('strings and maps with dollar signs, dots and reserved names never cause a 500', async (t) => {
  const server = await startServer(t);
  const odd: unknown[] = ['$x', '$$NOW', 'a.b', '\0', '\ud800', '__proto__', '', 'x'.repeat(5000)];
  const maps = [
    { $set: 1 },
    { 'a.b': 1 },
    { '': 1 },
    { _bsontype: 'ObjectId' },
    { a: { _bsontype: 1 } },
    { 'a\0b': 1 },
  ];
  for (const route of jsonRoutes) {
    const schema = toJsonSchema(route.body?.schema as never) as {
      properties?: Record<string, { type?: string }>;
    };
    for (const [field, { type }] of Object.entries(schema.properties ?? {})) {
      const values = type === 'object' ? maps : type === 'array' ? [[...odd], [...maps]] : odd;
      for (const value of values) {
        const body = { job_queue: 'q', client_secret: 'long enough to be one', [field]: value };
        const known = Object.fromEntries(
          Object.entries(body).filter(([name]) => name in (schema.properties ?? {})),
        );
        const response = await send(server, route, JSON.stringify(known));
        t.true(
          response.status < 500,
          `${nameOf(route)} ${field}=${JSON.stringify(value)}: ${response.status} ${response.text}`,
        );
      }
    }
  }
});

test('a body that is not an object or not JSON gets the same error on every route', async (t) => {
  const server = await startServer(t);
  const utf8 = new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
  const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
  const veryDeep = `${'['.repeat(49_000)}${']'.repeat(49_000)}`;
  for (const route of jsonRoutes) {
    const name = nameOf(route);
    for (const body of ['[]', '[{}]', '"text"', '5', 'true', 'null']) {
      const response = withoutId(await send(server, route, body));
      t.deepEqual(response, validation({ _schema: ['Invalid input type.'] }), `${name} ${body}`);
    }
    for (const body of ['{', '{"a":', '{"a":1}}', "{'a':1}", '{"a":NaN}', 'undefined', ' ', '\u00ff', utf8]) {
      t.deepEqual(withoutId(await send(server, route, body)), badRequest, `${name} ${String(body)}`);
    }
    for (const body of [deep, veryDeep]) {
      const response = withoutId(await send(server, route, body));
      t.deepEqual(response, validation({ _schema: ['Nested too deeply.'] }), name);
    }
    for (const type of ['text/plain', 'application/xml', 'nonsense', 'application/jsonp', '']) {
      const empty = withoutId(await send(server, route, '{}'));
      const other = withoutId(await send(server, route, '{"unknown_field":1', type));
      // The response may differ from that to an empty body, but never reports that the body cannot be parsed.
      t.is(other.status === 400 && other.text === badRequest.text, false, `${name} ${type}`);
      if (empty.status === 422) t.deepEqual(other, empty, `${name} ${type}`);
    }
  }
});

test('a body over the limit is refused before it is read, and a chunked body once it exceeds the limit', async (t) => {
  const server = await startServer(t);
  const mib = Buffer.alloc(1024 * 1024, 0x20);
  for (const route of jsonRoutes) {
    const limit = route.body?.limit ?? defaultBodyLimit;
    const head = [
      `${route.method} ${pathOf(route)} HTTP/1.1`,
      'Host: x',
      ...Object.entries(tokenFor(server, route)).map(([name, value]) => `${name}: ${value}`),
      'Content-Type: application/json',
    ];
    const response = await rawRequest(server, [...head, `Content-Length: ${limit + 1}`]);
    t.deepEqual(withoutId({ status: response.status, text: response.body }), tooLarge, nameOf(route));
    const chunks = Array.from({ length: 20 }, () => [`${mib.length.toString(16)}\r\n`, mib, '\r\n']).flat();
    const chunked = await rawRequest(
      server,
      [...head, 'Transfer-Encoding: chunked'],
      [...chunks, '0\r\n\r\n'],
    );
    t.deepEqual(withoutId({ status: chunked.status, text: chunked.body }), tooLarge, nameOf(route));
    const fits = await rawRequest(server, [...head, `Content-Length: ${limit}`, 'Expect: 100-continue']);
    t.is(fits.status, 100, nameOf(route));
  }
});

test('a client that reads the response only after sending the whole body gets the response, and its connection stays usable', async (t) => {
  const server = await startServer(t);
  const { hostname, port } = new URL(server.url);
  const mib = Buffer.alloc(1024 * 1024, 0x20);
  const chunk = Buffer.concat([Buffer.from(`${mib.length.toString(16)}\r\n`), mib, Buffer.from('\r\n')]);
  const bodies = [
    ['Content-Length: 41943040', Array.from({ length: 40 }, () => mib)],
    ['Transfer-Encoding: chunked', [...Array.from({ length: 40 }, () => chunk), Buffer.from('0\r\n\r\n')]],
  ] as const;
  for (const [length, pieces] of bodies) {
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.write(`POST /v1/job HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${length}\r\n\r\n`);
    for (const piece of pieces) await new Promise((done) => socket.write(piece, done));
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    socket.resume();
    socket.write('GET /v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    t.regex(
      received,
      /^HTTP\/1\.1 413 [^]*Payload too large[^]*HTTP\/1\.1 200 [^]*Testflinger Server/,
      length,
    );
  }
});

test('a job that is small as JSON and over 16 MiB as BSON is too large, and a job with 100 levels of nesting is stored', async (t) => {
  const server = await startServer(t, { settings: { MAX_BODY_VALUES: '10000000' } });
  const headers = { 'content-type': 'application/json' };
  const post = (body: string) => server.request('/v1/job', { method: 'POST', headers, body });
  for (const numbers of [1_500_000, 3_000_000, 6_000_000]) {
    const list = `[${'1,'.repeat(numbers)}1]`;
    const response = await post(`{"job_queue":"q","allocate_data":{"x":${list}}}`);
    t.deepEqual({ status: response.status, text: await response.text() }, tooLarge, String(numbers));
  }
  const nested = (levels: number) =>
    `{"job_queue":"q","allocate_data":{"a":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`;
  t.is((await post(nested(100))).status, 200);
  t.is((await post(nested(101))).status, 422);
  const text = (bytes: number) => JSON.stringify({ job_queue: 'q', name: 'x'.repeat(bytes) });
  t.is((await post(text(16 * 1024 * 1024 - 20_000))).status, 200);
  t.is((await post(text(16 * 1024 * 1024))).status, 413);
});

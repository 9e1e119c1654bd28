import test from 'ava';
import { routes } from '../../server/areas.js';
import { startServer } from '../support/start-server.js';

type Json = Record<string, unknown>;
interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security?: Json[];
  parameters: { name: string; in: string; required?: boolean; schema: Json }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
  'x-permission-roles'?: string[];
}
interface Document extends Json {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Json; schemas: Json };
}

/** Calls `visit` with a value and every object and array inside it. */
function walk(value: unknown, visit: (node: Json) => void): void {
  if (typeof value !== 'object' || value === null) return;
  visit(value as Json);
  for (const inner of Object.values(value)) walk(inner, visit);
}

test('the document is OpenAPI 3.1 and lists every route once and no other route', async (t) => {
  const server = await startServer(t);
  const response = await server.request('/openapi.json');
  t.is(response.headers.get('content-type'), 'application/json');
  const document = (await response.json()) as Document;
  t.regex(document.openapi, /^3\.1\.\d$/);
  t.deepEqual(Object.keys(document).sort(), ['components', 'info', 'openapi', 'paths', 'servers']);
  for (const field of ['title', 'version']) t.is(typeof document.info[field], 'string');

  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  t.deepEqual(
    operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort(),
    routes.map(({ path, method }) => `${method} ${path}`).sort(),
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  t.is(new Set(ids).size, ids.length);
  for (const id of ids) t.regex(id, /^[a-z][A-Za-z0-9_]*$/);

  for (const { path, method, operation } of operations) {
    const place = `${method} ${path}`;
    t.true(operation.summary.length > 0, place);
    const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
    t.deepEqual(inPath.map(({ name }) => `{${name}}`).sort(), (path.match(/\{\w+\}/g) ?? []).sort(), place);
    t.true(
      inPath.every(({ required }) => required === true),
      place,
    );
    const names = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    t.is(new Set(names).size, names.length, place);
    t.true(
      operation.parameters.every(({ schema }) => typeof schema === 'object'),
      place,
    );
    t.true(['get', 'post', 'put', 'delete'].includes(method), place);
    if (method === 'get') t.is(operation.requestBody, undefined, place);
    const statuses = Object.keys(operation.responses);
    t.true(
      statuses.some((status) => /^[23]\d\d$/.test(status)),
      place,
    );
    t.true(statuses.includes('500') && statuses.includes('503'), place);
    for (const [status, { description, content }] of Object.entries(operation.responses)) {
      t.regex(status, /^[2-5]\d\d$/, place);
      t.true(description.length > 0, `${place} ${status}`);
      if (status === '204') t.is(content, undefined, place);
    }
    for (const requirement of operation.security ?? [])
      for (const scheme of Object.keys(requirement))
        t.true(scheme in document.components.securitySchemes, place);
  }
});

test('every reference has a target, and schemas are valid JSON Schema 2020-12', async (t) => {
  const server = await startServer(t);
  const document = (await (await server.request('/openapi.json')).json()) as Document;
  const types = ['string', 'integer', 'number', 'boolean', 'array', 'object', 'null'];
  let schemas = 0;
  walk({ paths: document.paths, components: document.components.schemas }, (node) => {
    if (typeof node['$ref'] === 'string') {
      const steps = node['$ref'].replace('#/', '').split('/');
      const target = steps.reduce<unknown>((at, step) => (at as Json | undefined)?.[step], document);
      t.is(typeof target, 'object', node['$ref']);
    }
    // Keywords of OpenAPI 3.0 that 3.1 does not have.
    t.false(
      'nullable' in node || ('exclusiveMinimum' in node && typeof node['exclusiveMinimum'] === 'boolean'),
    );
    t.false('~standard' in node || '$schema' in node);
    if (typeof node['type'] !== 'string' || !('properties' in node || 'items' in node)) return;
    schemas += 1;
    t.true(types.includes(node['type']), node['type']);
    if (Array.isArray(node['required']))
      for (const field of node['required'] as string[])
        t.true(field in ((node['properties'] as Json) ?? {}), field);
  });
  t.true(schemas > 20);
});

test('each operation states who can call it: the roles, the token, and whether anonymous callers can as contributors', async (t) => {
  const server = await startServer(t);
  const { paths } = (await (await server.request('/openapi.json')).json()) as Document;
  const accessOf = (path: string, method: string) => {
    const operation = paths[path]?.[method];
    return [operation?.['x-permission-roles'], operation?.security];
  };
  const token = { accessToken: [] };
  const session = { session: [] };
  t.deepEqual(accessOf('/v1/job', 'get'), [['agent'], [token, session]]);
  t.deepEqual(accessOf('/v1/job', 'post'), [
    ['contributor', 'manager', 'admin'],
    [token, session, {}],
  ]);
  t.deepEqual(accessOf('/v1/client-permissions/{client_id}', 'delete'), [['admin'], [token, session]]);
  const keys = accessOf('/v1/client-permissions/{client_id}/keys', 'get');
  t.deepEqual(keys, [
    ['manager', 'admin'],
    [token, session, { clientKey: [] }],
  ]);
  t.deepEqual(accessOf('/v1/session', 'get'), [undefined, [session, {}]]);
  t.deepEqual(accessOf('/livez', 'get'), [undefined, undefined]);
});

import { readFileSync } from 'node:fs';
import test from 'ava';
import { apiDescription } from '../../server/areas.js';
import { presentOpenApi } from '../../server/http/openapi.js';

/**
 * Compares our OpenAPI document with the document of a Testflinger server (tests/fixtures/testflinger-openapi.json;
 * tests/fixtures/README.md names its origin). The lists below explain every difference.
 */
type Schema = Record<string, unknown> & {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  required?: string[];
};
interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const fixture = new URL('../fixtures/testflinger-openapi.json', import.meta.url);
const theirs = JSON.parse(readFileSync(fixture, 'utf8')) as Document;
const ours = presentOpenApi(apiDescription, '0') as unknown as Document;

/** Operations that Testflinger has and we do not. */
const operationsMissing: Record<string, string> = {};

/** Parameters, request fields and response fields that differ, as `operation place name`. */
const differences: Record<string, string> = {
  ...explain('their document omits the query parameters, the spec has them', [
    'get /v1/job query adds queue',
    'get /v1/queues/wait_times query adds queue',
    'get /v1/result/{}/log/{} query adds phase',
    'get /v1/result/{}/log/{} query adds start_fragment',
    'get /v1/result/{}/log/{} query adds start_timestamp',
  ]),
  ...explain('their document omits the fields, the spec has them', [
    'get /v1/queues/{}/jobs answer adds created_at',
    'get /v1/queues/{}/jobs answer adds job_id',
    'get /v1/queues/{}/jobs answer adds job_queue',
    'get /v1/queues/{}/jobs answer adds job_state',
    'post /oidc/auth-init answer adds request_id',
    'post /oidc/auth-poll/{} answer adds access_token',
    'post /oidc/auth-poll/{} answer adds expires_in',
    'post /oidc/auth-poll/{} answer adds refresh_token',
    'post /oidc/auth-poll/{} answer adds token_type',
    'post /v1/agents/data/{} answer adds status',
    'post /v1/oauth2/refresh answer adds access_token',
    'post /v1/oauth2/refresh answer adds expires_in',
    'post /v1/oauth2/refresh answer adds token_type',
    'post /v1/oauth2/revoke answer adds status',
    'post /v1/oauth2/token answer adds access_token',
    'post /v1/oauth2/token answer adds expires_in',
    'post /v1/oauth2/token answer adds refresh_token',
    'post /v1/oauth2/token answer adds token_type',
  ]),
  ...explain('the response is an array of these; their document wraps it in an object, the spec does not', [
    'get /v1/job/search answer adds created_at',
    'get /v1/job/search answer adds job_id',
    'get /v1/job/search answer adds job_state',
    'get /v1/job/search answer lacks jobs',
  ]),
  ...explain('the spec has more fields of an agent than their document', [
    'get /v1/agents/data answer adds identifier',
    'get /v1/agents/data answer adds updated_at',
    'get /v1/agents/data/{} answer adds identifier',
    'get /v1/agents/data/{} answer adds updated_at',
  ]),
  ...explain('the spec lists the fields of this response, and this field is not among them', [
    'get /v1/queues/{}/agents answer lacks restricted_to',
  ]),
  ...explain('leases are a Queuepass feature', [
    'get /v1/job/{} answer adds attempts',
    'get /v1/job/{} answer adds lease',
    'post /v1/job request adds attempts',
    'post /v1/job request adds lease',
  ]),
  ...explain('the search by id is a Queuepass feature', ['get /v1/job/search query adds job_id']),
  ...explain('pagination is a Queuepass feature', [
    'get /v1/job/search query adds cursor',
    'get /v1/job/search query adds limit',
  ]),
  ...explain('server-made keys are a Queuepass feature', [
    'put /v1/client-permissions/{} answer adds client_id',
    'put /v1/client-permissions/{} answer adds client_key',
    'put /v1/client-permissions/{} answer adds key_id',
    'put /v1/client-permissions/{} query adds generate_key',
    'put /v1/client-permissions/{} query adds key_label',
  ]),
  ...explain('disabled clients are a Queuepass feature', [
    'get /v1/client-permissions answer adds disabled',
    'get /v1/client-permissions/{} answer adds disabled',
    'put /v1/client-permissions/{} request adds disabled',
  ]),
};

function explain(reason: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

/** Removes the trailing slash, which makes no difference to the router and which our paths do not have. */
const pathOf = (path: string) => path.replace(/\/$/, '').replaceAll(/\{\w+\}/g, '{}');

function operationsOf(document: Document): Map<string, Operation> {
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => [`${method} ${pathOf(path)}`, operation] as const),
  );
  return new Map(entries);
}

const theirOperations = operationsOf(theirs);
const ourOperations = operationsOf(ours);

function resolve(document: Document, schema: Schema | undefined): Schema | undefined {
  const name = schema?.$ref?.split('/').at(-1);
  return name === undefined ? schema : resolve(document, document.components.schemas[name]);
}

/** Names of the fields of an object, or of the objects in an array. `undefined` if the schema has no properties. */
function fieldsOf(document: Document, given: Schema | undefined): Set<string> | undefined {
  const schema = resolve(document, given);
  if (schema?.items) return fieldsOf(document, schema.items);
  return schema?.properties && new Set(Object.keys(schema.properties));
}

function bodyOf(operation: Operation): Schema | undefined {
  return operation.requestBody?.content['application/json']?.schema;
}

function answerOf(operation: Operation): Schema | undefined {
  return operation.responses['200']?.content?.['application/json']?.schema;
}

/** Lists the names that are in only one of two sets. */
function compare(place: string, their: Set<string> | undefined, our: Set<string> | undefined): string[] {
  const onlyTheirs = [...(their ?? [])]
    .filter((name) => !our?.has(name))
    .map((name) => `${place} lacks ${name}`);
  const onlyOurs = [...(our ?? [])]
    .filter((name) => !their?.has(name))
    .map((name) => `${place} adds ${name}`);
  return [...onlyTheirs, ...onlyOurs];
}

function compareAll(): string[] {
  return [...theirOperations].flatMap(([name, their]) => {
    const our = ourOperations.get(name);
    if (our === undefined) return [];
    const query = (operation: Operation) =>
      new Set((operation.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name));
    return [
      ...compare(`${name} query`, query(their), query(our)),
      ...compare(`${name} request`, fieldsOf(theirs, bodyOf(their)), fieldsOf(ours, bodyOf(our))),
      ...compare(`${name} answer`, fieldsOf(theirs, answerOf(their)), fieldsOf(ours, answerOf(our))),
    ];
  });
}

test('every operation of Testflinger exists here, except the explained ones', (t) => {
  const missing = [...theirOperations.keys()].filter((name) => !ourOperations.has(name));
  t.deepEqual(
    missing.sort(),
    Object.keys(operationsMissing)
      .map((name) => name.replaceAll(/\{\w+\}/g, '{}'))
      .sort(),
  );
});

test('query parameters, request fields and response fields match those of Testflinger, except the explained ones', (t) => {
  t.deepEqual(compareAll().sort(), Object.keys(differences).sort());
});

test('every field that we require in a request is also required by Testflinger', (t) => {
  for (const [name, their] of theirOperations) {
    const our = ourOperations.get(name);
    const required = new Set(resolve(theirs, bodyOf(their))?.required ?? []);
    const ourRequired = our === undefined ? undefined : resolve(ours, bodyOf(our))?.required;
    for (const field of ourRequired ?? []) t.true(required.has(field), `${name} requires ${field}`);
  }
});

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { commonErrors } from '../errors/common-errors.js';
import type { ErrorRow } from '../errors/error-row.js';
import { type ErrorFamily, findFamilyOf } from '../errors/families.js';
import { toJsonSchema } from '../schema/schema.js';
import { httpErrors } from './errors.js';
import { describeErrors, type OpenApiResponse } from './openapi-errors.js';
import { type Access, type AnyRoute, nameOfRoute, type OpenAccess, schemesOf } from './route.js';
import type { CredentialSchemes } from './scheme.js';

type Json = Record<string, unknown>;

/** The source of the OpenAPI document. */
export interface ApiDescription {
  routes: readonly AnyRoute[];
  families: readonly ErrorFamily[];
  schemes: CredentialSchemes<never>;
}

/** Returns the OpenAPI 3.1 document of a route list. */
export function presentOpenApi(api: ApiDescription, version: string, basePath = ''): Json {
  const paths: Record<string, Json> = {};
  for (const declared of api.routes) {
    const path = (paths[declared.path] ??= {});
    path[declared.method.toLowerCase()] = presentOperation(declared, api);
  }
  const schemes = Object.entries(api.schemes).map(([name, { openApi }]) => [name, openApi]);
  return {
    openapi: '3.1.0',
    info: { title: 'Queuepass', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: basePath || '/' }],
    paths,
    components: {
      securitySchemes: Object.fromEntries(schemes) as Json,
      schemas: { Error: errorSchema },
    },
  };
}

const errorSchema = toJsonSchema(
  z.strictObject({ message: z.string(), detail: z.looseObject({}), request_id: z.string().optional() }),
);

/** Returns the version in package.json, which is in the directory above that of the compiled server. */
export function readPackageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function presentOperation(declared: AnyRoute, api: ApiDescription): Json {
  const { summary, description, access } = declared;
  return {
    operationId: operationId(declared),
    summary,
    ...(description && { description }),
    tags: [tagOf(declared)],
    ...(access !== 'public' && presentAccess(declared, access)),
    parameters: presentParameters(declared),
    ...(declared.body && { requestBody: presentBody(declared.body) }),
    responses: presentResponses(declared, api),
  };
}

function presentAccess(declared: AnyRoute, access: Access | OpenAccess): Json {
  const isOpen = 'anyone' in access;
  return {
    ...(!isOpen && { 'x-permission-roles': access.roles }),
    // Anonymous callers have the role contributor, unless ANONYMOUS_ACCESS is `deny`.
    security: [
      ...schemesOf(declared).map((scheme) => ({ [scheme]: [] })),
      ...(isOpen || access.roles.includes('contributor') ? [{}] : []),
    ],
  };
}

/** Returns the first two segments of the path; the files of a page have the page's tag. */
function tagOf({ path }: AnyRoute): string {
  const [first = '', second = ''] = path.split('/').slice(1);
  return second === '' || second.includes('.') ? first : `${first} ${second}`;
}

function operationId({ method, path }: AnyRoute): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return [method.toLowerCase(), ...words].join('_');
}

const prefer =
  '`wait=N`: wait up to N seconds (at most 60) for a result before responding (RFC 7240 section 4.3).';

function presentParameters({ path, query, headers = {}, cookies = {}, waits }: AnyRoute): Json[] {
  const text = { type: 'string' };
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: text,
  }));
  const { properties = {} } = (query ? toJsonSchema(query) : {}) as { properties?: Record<string, Json> };
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
  const inHeader = Object.entries({ ...headers, ...(waits && { prefer }) })
    // OpenAPI reserves this name: `security` describes the header.
    .filter(([name]) => name !== 'authorization')
    .map(([name, description]) => ({ name, in: 'header', description, schema: text }));
  const inCookie = Object.entries(cookies).map(([name, description]) => ({
    name,
    in: 'cookie',
    description,
    schema: text,
  }));
  return [...inPath, ...inQuery, ...inHeader, ...inCookie];
}

const bodyTypes = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
};

function presentBody({ mode, schema }: NonNullable<AnyRoute['body']>): Json {
  const type = bodyTypes[mode];
  return { content: { [type]: { schema: toJsonSchema(schema) } } };
}

function presentResponses(declared: AnyRoute, api: ApiDescription): Record<string, OpenApiResponse> {
  const family = api.families.find(({ name }) => name === declared.family) as ErrorFamily;
  const responses = describeErrors(errorsOf(declared, api), family, nameOfRoute(declared));
  if (declared.isOn) addUnknownPath(responses, declared, api);
  for (const [status, { description, content, orText }] of Object.entries(declared.answers)) {
    const types = {
      ...(typeof content === 'object' && 'file' in content && { [content.file.replace(/;.*/, '')]: {} }),
      ...(typeof content === 'object' &&
        !('file' in content) && { 'application/json': { schema: toJsonSchema(content) } }),
      ...((content === 'text' || orText) && { 'text/plain': { schema: { type: 'string' } } }),
    };
    responses[status] = { description, ...(Object.keys(types).length > 0 && { content: types }) };
  }
  return responses;
}

/** Adds the response of a route that the settings turn off: that of an unknown path, in the form of its prefix. */
function addUnknownPath(
  responses: Record<string, OpenApiResponse>,
  declared: AnyRoute,
  { families }: ApiDescription,
): void {
  const unknown = [commonErrors.notFound];
  const ofPrefix = describeErrors(unknown, findFamilyOf(declared.path, families), nameOfRoute(declared))[
    '404'
  ];
  const described = responses['404'] ?? { description: commonErrors.notFound.code };
  responses['404'] = { ...described, content: { ...described.content, ...ofPrefix?.content } };
}

/** Returns the errors that a route declares, and those that its credentials, body, query and path add. */
function errorsOf(declared: AnyRoute, { schemes }: ApiDescription): ErrorRow[] {
  const { body, query, queryError, errors = [], path } = declared;
  return [
    ...errors,
    ...schemesOf(declared).flatMap((scheme) => schemes[scheme]?.errors ?? []),
    ...(body ? [commonErrors.badRequest, httpErrors.bodyTooSlow, commonErrors.payloadTooLarge] : []),
    ...(body && body.mode !== 'multipart' ? [commonErrors.validation] : []),
    ...(query ? [queryError ?? commonErrors.validation] : []),
    // A parameter's value can turn the path into one that has no route, or one with other methods.
    ...(declared.isOn ? [commonErrors.notFound] : []),
    ...(path.includes('{') ? [commonErrors.notFound, commonErrors.methodNotAllowed] : []),
    commonErrors.internal,
    commonErrors.unavailable,
  ];
}

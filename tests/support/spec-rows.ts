import type { TestFn } from 'ava';
import { jsonBody } from './clients.js';
import type { RawAnswer } from './raw-request.js';
import type { TestServer } from './start-server.js';

/**
 * The expected body: an exact text, an expression that the text matches, or a JSON value whose leaves can be
 * expressions.
 */
export type SpecBody = string | RegExp | object;

/** One rule of the specification: a request and its expected response. */
export interface SpecRow {
  /** The rule in words, which becomes the test title. */
  says: string;
  /** Sets up the data that the request needs, and sends the request. */
  given: (server: TestServer) => Promise<Response | RawAnswer>;
  status: number;
  /** The expected body. If it is omitted, the response must have no body. */
  body?: SpecBody;
  /** Expected header values. `null` means that the header must be absent. */
  headers?: Record<string, string | RegExp | null>;
}

/** Makes one test for each row, all on the same server. */
export function testRows(test: TestFn, shared: () => TestServer, rows: readonly SpecRow[]): void {
  for (const { says, given, status, body = '', headers = {} } of rows) {
    test(says, async (t) => {
      const actual = await readAnswer(await given(shared()));
      t.is(actual.status, status, actual.body);
      if (typeof body === 'string') t.is(actual.body, body);
      else if (body instanceof RegExp) t.regex(actual.body, body);
      else {
        t.is(actual.header('content-type'), 'application/json');
        const found: unknown = JSON.parse(actual.body);
        t.deepEqual(fillIn(found, body), found);
      }
      const isText = typeof body === 'string' && body !== '';
      if (isText && !('content-type' in headers))
        t.is(actual.header('content-type'), 'text/plain; charset=utf-8');
      for (const [name, wanted] of Object.entries(headers)) {
        if (wanted instanceof RegExp) t.regex(actual.header(name) ?? '', wanted, name);
        else t.is(actual.header(name), wanted, name);
      }
    });
  }
}

/** Returns the expected value, with each expression replaced by the found text that matches it. */
function fillIn(found: unknown, wanted: unknown): unknown {
  if (wanted instanceof RegExp) return typeof found === 'string' && wanted.test(found) ? found : wanted;
  if (Array.isArray(wanted)) return wanted.map((one, i) => fillIn((found as unknown[] | null)?.[i], one));
  if (typeof wanted !== 'object' || wanted === null) return wanted;
  const entries = Object.entries(wanted).map(([name, value]) => [
    name,
    fillIn((found as Record<string, unknown> | null)?.[name], value),
  ]);
  return Object.fromEntries(entries) as unknown;
}

async function readAnswer(answer: Response | RawAnswer) {
  if (!(answer instanceof Response))
    return { ...answer, header: (name: string) => answer.headers[name] ?? null };
  return {
    status: answer.status,
    body: await answer.text(),
    header: (name: string) => answer.headers.get(name),
  };
}

/** The expected response for an error in JSON. */
export const refused = (status: number, message: string | object) => ({
  status,
  body: { message, detail: {} },
});

/** The expected response for a 422, with the reasons by field of the body, or of the query. */
export const invalid = (reasons: object, where: 'json' | 'query' = 'json') => ({
  status: 422,
  body: { message: 'Validation error', detail: { [where]: reasons } },
});

/** The expected response for a text body, successful or not. */
export const text = (status: number, body: string) => ({ status, body });

/** The successful response of most routes. */
export const ok = text(200, 'OK');

/** Sends a JSON body. */
export function send(
  server: TestServer,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return server.request(path, { ...jsonBody(body, headers), method });
}

/** A job id that does not exist. */
export const noJob = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';

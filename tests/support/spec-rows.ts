import type { TestFn } from 'ava';
import { jsonBody } from './clients.js';
import type { RawAnswer } from './raw-request.js';
import type { TestServer } from './start-server.js';

/** What is to come: a text exactly, or as the expression has it, or a JSON value whose leaves may be expressions. */
export type SpecBody = string | RegExp | object;

/** One sentence of the specification: a request and the answer that it names. */
export interface SpecRow {
  /** The words of the specification, which the test is named by. */
  says: string;
  /** Prepares what the request needs, and sends it. */
  given: (server: TestServer) => Promise<Response | RawAnswer>;
  status: number;
  /** The body; where it is left out, none may come. */
  body?: SpecBody;
  /** Headers that must have this value; `null`: must be absent. */
  headers?: Record<string, string | RegExp | null>;
}

/** Makes one test of each row, all on the same server. */
export function testRows(test: TestFn, shared: () => TestServer, rows: readonly SpecRow[]): void {
  for (const { says, given, status, body = '', headers = {} } of rows) {
    test(says, async (t) => {
      const told = await readAnswer(await given(shared()));
      t.is(told.status, status, told.body);
      if (typeof body === 'string') t.is(told.body, body);
      else if (body instanceof RegExp) t.regex(told.body, body);
      else {
        t.is(told.header('content-type'), 'application/json');
        const found: unknown = JSON.parse(told.body);
        t.deepEqual(fillIn(found, body), found);
      }
      const isText = typeof body === 'string' && body !== '';
      if (isText && !('content-type' in headers))
        t.is(told.header('content-type'), 'text/plain; charset=utf-8');
      for (const [name, wanted] of Object.entries(headers)) {
        if (wanted instanceof RegExp) t.regex(told.header(name) ?? '', wanted, name);
        else t.is(told.header(name), wanted, name);
      }
    });
  }
}

/** The wanted value, with what was found in place of each expression that fits it. */
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

/** An error as JSON. */
export const refused = (status: number, message: string | object) => ({
  status,
  body: { message, detail: {} },
});

/** A 422 with the reasons by field, of the body unless `query` is said. */
export const invalid = (reasons: object, where: 'json' | 'query' = 'json') => ({
  status: 422,
  body: { message: 'Validation error', detail: { [where]: reasons } },
});

/** An answer as text, success or not. */
export const text = (status: number, body: string) => ({ status, body });

/** The success of most routes. */
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

/** An id that no job has. */
export const noJob = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';

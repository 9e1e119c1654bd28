import test from 'ava';
import { routes } from '../../server/areas.js';
import { type AnyRoute, rolesOf } from '../../server/http/route.js';
import { toJsonSchema } from '../../server/schema/schema.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { shareServer } from '../support/share-server.js';

const getServer = shareServer(test);
const half = 'a\ud800b';
const reason = 'Not a valid utf-8 string.';

interface JsonSchema {
  type?: string;
  format?: string;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
}

/** Texts of agents' logs, in which a lone surrogate stands for a byte that is not UTF-8. */
const logTexts = new Set(['log_data', 'log']);

/** Formats without any such text. */
const formats = new Set<string | undefined>(['email', 'date-time']);

/** Lists values of a schema that contain a lone surrogate in one place: a text, a key, or deep in a free map. */
function listValues(schema: JsonSchema): unknown[] {
  if (schema.type === 'string') return schema.enum !== undefined || formats.has(schema.format) ? [] : [half];
  if (schema.type === 'array') return listValues(schema.items ?? {}).map((item) => [item]);
  if (schema.type !== 'object') return [];
  const inside = Object.entries(schema.properties ?? {})
    .filter(([field]) => !logTexts.has(field))
    .flatMap(([field, of]) => listValues(of).map((value) => ({ [field]: value })));
  const { additionalProperties: entry } = schema;
  if (typeof entry !== 'object') return inside;
  const isFree = Object.keys(entry).length === 0;
  const entries = isFree ? [half, [[half]], { b: [{ c: half }] }, { [half]: 1 }] : listValues(entry);
  return [...inside, { [half]: 1 }, ...entries.map((value) => ({ a: value }))];
}

const pathOf = ({ path }: AnyRoute) =>
  path
    .replace('{job_id}', '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d')
    .replace('{log_type}', 'output')
    .replaceAll(/\{\w+\}/g, 'thing');

for (const route of routes.filter(({ body }) => body?.mode === 'json')) {
  test(`a lone surrogate in a name, a key or a text is refused: ${route.method} ${route.path}`, async (t) => {
    const server = getServer();
    const role = rolesOf(route).at(-1) ?? '';
    const headers = bearer(server, { client_id: 'thing', role });
    const values = listValues(toJsonSchema(route.body?.schema as never));
    t.plan(2 * values.length);
    for (const value of values) {
      const response = await server.request(pathOf(route), {
        ...jsonBody(value, headers),
        method: route.method,
      });
      const text = await response.text();
      t.is(response.status, 422, `${JSON.stringify(value)}: ${text}`);
      t.true(text.includes(reason), `${JSON.stringify(value)}: ${text}`);
    }
  });
}

test('a job with a lone surrogate is refused with the place, and both halves together are one character', async (t) => {
  const server = getServer();
  const send = async (body: string) => {
    const response = await server.request('/v1/job', { ...jsonBody({}), body });
    return [response.status, ((await response.json()) as { detail?: unknown }).detail];
  };
  t.deepEqual(await send('{"job_queue":"q\\ud83d","tags":["\\ude00"]}'), [
    422,
    { json: { job_queue: [reason], tags: { 0: [reason] } } },
  ]);
  const id = await submit(server, { name: '\u{1f600}', allocate_data: { '\u{1f600}': '\ufffd' } });
  const stored = (await (await server.request(`/v1/job/${id}`)).json()) as Record<string, unknown>;
  t.deepEqual([stored.name, stored.allocate_data], ['\u{1f600}', { '\u{1f600}': '\ufffd' }]);
});

test("an agent's log line with a byte that is not UTF-8 is stored with U+FFFD", async (t) => {
  const server = getServer();
  const posted = await server.request('/v1/agents/data/agent-1', {
    ...jsonBody({ log: ['fine', half] }, agentHeaders(server)),
  });
  t.is(posted.status, 200);
  const agent = await server.deps.collections.agents.findOne({ name: 'agent-1' });
  t.deepEqual(agent?.log, ['fine', 'a\ufffdb']);
});

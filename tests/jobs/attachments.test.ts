import { Readable } from 'node:stream';
import test from 'ava';
import { MultipartReader } from '../../server/http/multipart-reader.js';
import { bearer } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';
import {
  countFiles,
  digest,
  makeBytes,
  multipart,
  readToEnd,
  sendRaw,
  upload,
  waitForFiles,
} from '../support/uploads.js';

const canonical = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';
const attaching = { test_data: { attachments: [{ agent: 'a.txt' }] } };
const pathOf = (jobId: string) => `/v1/job/${jobId}/attachments`;

async function answerOf(response: Response): Promise<[number, string | null, string]> {
  return [response.status, response.headers.get('content-type'), await response.text()];
}

function fetchAttachments(server: TestServer, jobId: string, headers: Record<string, string> = {}) {
  return server.request(pathOf(jobId), { headers: { ...agentHeaders(server), ...headers } });
}

test('a job that names attachments is given to an agent once they are uploaded, and the agent gets the same bytes', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  t.is(await claim(server), undefined);
  t.is((await fetchAttachments(server, jobId)).status, 204);
  const bytes = makeBytes(1_000_000);
  const sent = await server.request(pathOf(jobId), upload(bytes));
  t.deepEqual(await answerOf(sent), [200, 'text/plain; charset=utf-8', 'OK']);
  const job = await claim(server);
  t.is(job?.job_id, jobId);
  t.is(job?.attachments_status, 'complete');
  const response = await fetchAttachments(server, jobId);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/gzip');
  t.is(response.headers.get('content-length'), '1000000');
  t.is(response.headers.get('content-encoding'), null);
  t.is(response.headers.get('accept-ranges'), 'bytes');
  t.is(digest(Buffer.from(await response.arrayBuffer())), digest(bytes));
});

test('a job with an empty list of attachments waits for an upload too, and an empty file is a valid one', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, { reserve_data: {}, allocate_data: { attachments: [] } });
  t.is((await server.request(pathOf(jobId), upload(new Uint8Array()))).status, 200);
  const response = await fetchAttachments(server, jobId);
  t.deepEqual(await answerOf(response), [200, 'application/gzip', '']);
  t.is(response.headers.get('content-length'), '0');
  t.is((await claim(server))?.job_id, jobId);
});

test('a job is found by each form of its id', async (t) => {
  const server = await startServer(t);
  await submit(server, { ...attaching, job_id: canonical });
  const hex = canonical.replaceAll('-', '').toUpperCase();
  t.is((await server.request(pathOf(hex), upload(makeBytes(10)))).status, 200);
  t.is((await fetchAttachments(server, encodeURIComponent(`{${canonical}}`))).status, 200);
});

test('attachments that are already stored are not replaced, in any state of the job', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const bytes = makeBytes(300_000);
  await server.request(pathOf(jobId), upload(bytes));
  for (const change of ['none', 'claimed', 'cancelled']) {
    if (change === 'claimed') await claim(server);
    if (change === 'cancelled') {
      await server.deps.collections.jobs.updateOne({}, { $set: { 'result_data.job_state': 'cancelled' } });
    }
    const again = await server.request(pathOf(jobId), upload(makeBytes(700_000)));
    t.deepEqual(await answerOf(again), [200, 'text/plain; charset=utf-8', 'OK'], change);
  }
  t.deepEqual(await countFiles(server), [1, 2]);
  const response = await fetchAttachments(server, jobId);
  t.is(digest(Buffer.from(await response.arrayBuffer())), digest(bytes));
});

test('errors are reported in this order: role, body, id, job', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  const file = makeBytes(10);
  const text = 'text/plain; charset=utf-8';
  const badRequest = [400, 'application/json', '{"message":"Bad Request","detail":{}}'];
  const agent = agentHeaders(server);
  const refused = await server.request(pathOf('no-uuid'), { method: 'POST', headers: agent });
  t.is(refused.status, 403);
  t.deepEqual(await refused.json(), {
    message: 'Specified action requires role: admin, manager, contributor',
    detail: {},
  });
  const cases: [string, RequestInit, unknown][] = [
    ['no-uuid', { method: 'POST' }, badRequest],
    ['no-uuid', upload(file, {}, 'other'), badRequest],
    [jobId, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }, badRequest],
    [jobId, { method: 'POST', body: 'x', headers: { 'content-type': 'multipart/form-data' } }, badRequest],
    [jobId, { method: 'POST', body: 'x', headers: { 'content-type': multipart.type } }, badRequest],
    ['no-uuid', upload(file), [400, text, 'Invalid job id\n']],
    [canonical, upload(file), [422, text, 'Job ID is not valid\n']],
    [jobId, upload(file), [422, text, 'Job ID not awaiting attachments\n']],
  ];
  for (const [id, init, answer] of cases) {
    t.deepEqual(
      await answerOf(await server.request(pathOf(id), init)),
      answer as never,
      JSON.stringify(answer),
    );
  }
  t.deepEqual(await answerOf(await fetchAttachments(server, 'no-uuid')), [400, text, 'Invalid job id\n']);
  t.is((await fetchAttachments(server, canonical)).status, 204);
  t.is((await server.request(pathOf(jobId), { headers: bearer(server) })).status, 403);
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('the file is found among other fields and files', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const bytes = makeBytes(600_000);
  const form = new FormData();
  form.set('note', 'before');
  form.set('other', new Blob([new Uint8Array(100_000)]), 'other');
  form.append('file', new Blob([new Uint8Array(bytes)]), 'first');
  form.append('file', new Blob([new Uint8Array(500_000)]), 'second');
  form.set('more', 'after');
  t.is((await server.request(pathOf(jobId), { method: 'POST', body: form })).status, 200);
  const response = await fetchAttachments(server, jobId);
  t.is(digest(Buffer.from(await response.arrayBuffer())), digest(bytes));
});

test('line feeds alone, an empty file name, and a quote in a file name are accepted', async (t) => {
  const server = await startServer(t);
  const bytes = Buffer.concat([
    Buffer.from('\n--edg\r\n--edgeless\n\r'),
    makeBytes(300_000),
    Buffer.from('\r'),
  ]);
  const part = (disposition: string) => `--edge\nContent-Disposition: form-data; ${disposition}\n`;
  const bodies = {
    'line feeds': [`preamble\n${part('name="file"; filename="a"')}\n`, '\n--edge--\n'],
    'an empty name': [`${part('name="file"; filename=""')}\n`.replaceAll('\n', '\r\n'), '\r\n--edge--'],
    'a quote': [
      `${part('name="file"; filename="a"b.tar.gz"')}\n`.replaceAll('\n', '\r\n'),
      '\r\n--edge--\r\n',
    ],
    'no quotes': [`${part('name=file; filename=a')}X: y\n\n`.replaceAll('\n', '\r\n'), '\r\n--edge--\r\n'],
    'among others': [
      `${part('name="x"')}\n1\n${part('name="file"')}\nno file\n${part('filename*=UTF-8\'\'a; name="file"')}\n`,
      `\n${part('name="y"; filename=""')}\n2\n--edge--\nepilogue`,
    ],
  };
  for (const [what, [head = '', tail = '']] of Object.entries(bodies)) {
    const jobId = await submit(server, attaching);
    const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]);
    const sent = await server.request(pathOf(jobId), {
      method: 'POST',
      headers: { 'content-type': multipart.type },
      body,
    });
    t.is(sent.status, 200, what);
    const response = await fetchAttachments(server, jobId);
    t.is(digest(Buffer.from(await response.arrayBuffer())), digest(bytes), what);
  }
});

test('a file is found in whatever pieces its body arrives', async (t) => {
  for (const newline of ['\n', '\r\n']) {
    const text = [
      '--edge',
      'Content-Disposition: form-data; name="file"; filename="a"',
      '',
      'x',
      '--edg',
      '--edge--',
    ]
      .join(newline)
      .concat(newline);
    for (let size = 1; size <= text.length; size += 1) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
        Buffer.from(text.slice(n * size, (n + 1) * size)),
      );
      const reader = new MultipartReader(Readable.from(pieces), 'edge');
      t.deepEqual(await reader.next(), { name: 'file', isFile: true });
      const content: Buffer[] = [];
      for await (const piece of reader.readContent()) content.push(piece);
      t.is(Buffer.concat(content).toString(), `x${newline}--edg`, `${size}`);
      t.is(await reader.next(), undefined);
    }
  }
});

test('a body over the limit gets 413: before it is read if it has a Content-Length, else once it exceeds the limit', async (t) => {
  const server = await startServer(t, { settings: { MAX_UPLOAD_MIB: '1' } });
  const jobId = await submit(server, attaching);
  const tooLarge = [413, 'application/json', '{"message":"Payload too large","detail":{}}'] as const;
  const announced = await server.request(pathOf(jobId), upload(makeBytes(1024 * 1024)));
  t.deepEqual(await answerOf(announced), [...tooLarge]);
  const headers = { 'content-type': multipart.type, 'content-length': String(2 ** 40) };
  const early = await sendRaw(server, pathOf(jobId), { ...headers, connection: 'close' }, '');
  t.regex(await readToEnd(early), /^HTTP\/1.1 413 /);
  const unannounced = await server.request(pathOf(jobId), {
    method: 'POST',
    headers: { 'content-type': multipart.type },
    body: new Blob([multipart.head, new Uint8Array(2 * 1024 * 1024), multipart.tail]).stream(),
    duplex: 'half',
  } as RequestInit);
  t.deepEqual(await answerOf(unannounced), [...tooLarge]);
  await waitForFiles(server, 0, 0);
  t.is((await server.request(pathOf(jobId), upload(makeBytes(1000)))).status, 200);
});

test('an interrupted upload stores nothing, the job keeps waiting, and the upload can be repeated', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const headers = { 'content-type': multipart.type, 'content-length': '20000000' };
  const body = Buffer.concat([Buffer.from(multipart.head), makeBytes(9_000_000)]);
  const socket = await sendRaw(server, pathOf(jobId), headers, body);
  await waitForFiles(server, 0, 32);
  socket.destroy();
  await waitForFiles(server, 0, 0);
  t.is(await claim(server), undefined);
  t.is((await fetchAttachments(server, jobId)).status, 204);
  const bytes = makeBytes(5_000_000);
  t.is((await server.request(pathOf(jobId), upload(bytes))).status, 200);
  const response = await fetchAttachments(server, jobId);
  t.is(digest(Buffer.from(await response.arrayBuffer())), digest(bytes));
});

test('a multipart body without its final boundary gets 400 and stores nothing', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const body = Buffer.concat([Buffer.from(multipart.head), makeBytes(5_000_000)]);
  const broken = await server.request(pathOf(jobId), {
    method: 'POST',
    headers: { 'content-type': multipart.type },
    body,
  });
  t.deepEqual(await answerOf(broken), [400, 'application/json', '{"message":"Bad Request","detail":{}}']);
  await waitForFiles(server, 0, 0);
  t.is(await claim(server), undefined);
});

test('of concurrent uploads one is stored completely, and all get OK', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const all = Array.from({ length: 8 }, () => makeBytes(1_500_000));
  const answers = await Promise.all(all.map((bytes) => server.request(pathOf(jobId), upload(bytes))));
  t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  await waitForFiles(server, 1, 6);
  const response = await fetchAttachments(server, jobId);
  const stored = digest(Buffer.from(await response.arrayBuffer()));
  t.true(all.some((bytes) => digest(bytes) === stored));
});

test('a resubmitted job waits for attachments again, and the old ones are deleted', async (t) => {
  const server = await startServer(t);
  const headers = bearer(server);
  await submit(server, { ...attaching, job_id: canonical }, headers);
  await server.request(pathOf(canonical), upload(makeBytes(400_000)));
  await submit(server, { ...attaching, job_id: canonical }, headers);
  t.deepEqual(await countFiles(server), [0, 0]);
  t.is((await fetchAttachments(server, canonical)).status, 204);
  t.is(await claim(server), undefined);
  t.is((await server.request(pathOf(canonical), upload(makeBytes(10)))).status, 200);
  t.is((await claim(server))?.job_id, canonical);
});

test('an upload for an earlier run of a job does not count for the next', async (t) => {
  const server = await startServer(t);
  const owner = bearer(server);
  await submit(server, { ...attaching, job_id: canonical }, owner);
  const bytes = makeBytes(5_000_000);
  const body = Buffer.concat([Buffer.from(multipart.head), bytes]);
  const headers = {
    'content-type': multipart.type,
    'content-length': String(body.length + multipart.tail.length),
    connection: 'close',
  };
  const socket = await sendRaw(server, pathOf(canonical), headers, body);
  await waitForFiles(server, 0, 16);
  await submit(server, { ...attaching, job_id: canonical }, owner);
  socket.write(multipart.tail);
  t.regex(await readToEnd(socket), /^HTTP\/1.1 422 .*Job ID not awaiting attachments\n$/s);
  await waitForFiles(server, 0, 0);
  t.is(await claim(server), undefined);
});

test('a range of the attachments can be fetched, to resume an interrupted download', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const bytes = makeBytes(700_000);
  await server.request(pathOf(jobId), upload(bytes));
  const parts: [string, number, number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=261119-261120', 261_119, 261_121],
    ['bytes=250000-', 250_000, 700_000],
    ['bytes=-10', 699_990, 700_000],
  ];
  for (const [range, start, end] of parts) {
    const response = await fetchAttachments(server, jobId, { range });
    t.is(response.status, 206, range);
    t.is(response.headers.get('content-range'), `bytes ${start}-${end - 1}/700000`);
    t.is(response.headers.get('content-length'), String(end - start));
    t.is(response.headers.get('content-type'), 'application/gzip');
    t.is(digest(Buffer.from(await response.arrayBuffer())), digest(bytes.subarray(start, end)));
  }
  const outside = await fetchAttachments(server, jobId, { range: 'bytes=700000-' });
  t.is(outside.headers.get('content-range'), 'bytes */700000');
  t.deepEqual(await answerOf(outside), [
    416,
    'application/json',
    '{"message":"Range Not Satisfiable","detail":{}}',
  ]);
});

test('attachments have an ETag: If-None-Match avoids a second download, and If-Range avoids a part of a different file', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  await server.request(pathOf(jobId), upload(makeBytes(1000)));
  const etag = (await fetchAttachments(server, jobId)).headers.get('etag') ?? '';
  t.regex(etag, /^"[0-9a-f]{24}"$/);
  for (const tags of [etag, `"x", W/${etag}`, '*']) {
    const response = await fetchAttachments(server, jobId, { 'if-none-match': tags });
    t.deepEqual([response.status, response.headers.get('etag'), await response.text()], [304, etag, '']);
  }
  t.is((await fetchAttachments(server, jobId, { 'if-none-match': '"x"' })).status, 200);
  const range = 'bytes=0-9';
  t.is((await fetchAttachments(server, jobId, { range, 'if-range': etag })).status, 206);
  t.is((await fetchAttachments(server, jobId, { range, 'if-range': '"x"' })).status, 200);
  const head = await server.request(pathOf(jobId), { method: 'HEAD', headers: agentHeaders(server) });
  t.deepEqual([head.status, head.headers.get('content-length')], [200, '1000']);
});

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { Batching } from '../../server/db/batching.js';
import type { Fragment } from '../../server/logs/log-fragment.js';
import { readFragments } from '../../server/logs/read-fragments.js';
import { createSmallLogReader } from '../../server/logs/small-logs.js';
import { submit } from '../support/jobs.js';
import { startRecording, times } from '../support/recorded-commands.js';
import { insertFragments, postFragment, readLog, readResult } from '../support/results.js';
import { SeededRandom } from '../support/seeded-random.js';
import { startServer, type TestServer } from '../support/start-server.js';

/** Stores a log with one text for each fragment. */
async function storeLog(server: TestServer, texts: readonly string[], phase = 'test'): Promise<string> {
  const jobId = randomUUID();
  if (texts.length > 0) await insertFragments(server, jobId, [...texts], phase);
  return jobId;
}

async function readAlone(server: TestServer, job_id: string): Promise<Fragment[]> {
  const fragments: Fragment[] = [];
  for await (const fragment of readFragments(server.deps, { job_id })) fragments.push(fragment);
  return fragments;
}

test('small logs that are read at once take one query, and a large one is known from then on', async (t) => {
  const server = await startRecording(t);
  const { findSmallLog } = server.deps;
  const lengths = [0, 1, 32, 33, 5];
  const jobs: string[] = [];
  for (const length of lengths)
    jobs.push(
      await storeLog(
        server,
        times(length, (n) => `${n};`),
      ),
    );
  const long = await storeLog(server, ['a', 'x'.repeat(2049)]);
  const read = () => Promise.all([...jobs, long].map((jobId) => findSmallLog(jobId)));
  let logs: Awaited<ReturnType<typeof read>> = [];
  t.is(await server.count('find logs', async () => (logs = await read())), 1);
  t.deepEqual(
    logs.map((log) => log?.length),
    [0, 1, 32, undefined, 5, undefined],
  );
  t.is(logs[2]?.map(({ text }) => text).join(''), times(32, (n) => `${n};`).join(''));
  t.is(
    await server.count('find logs', () => Promise.all([findSmallLog(jobs[3] ?? ''), findSmallLog(long)])),
    0,
  );
});

test('logs of any length that are read at once are whole or not returned', async (t) => {
  const server = await startServer(t);
  const random = new SeededRandom(14);
  const jobs: string[] = [];
  for (let n = 0; n < 24; n += 1) {
    const length = random.pick([0, 1, 3, 31, 32, 33, 70, 400]);
    jobs.push(
      await storeLog(
        server,
        times(length, (i) => `${i} of ${n}\uD800\n`),
      ),
    );
  }
  const alone = await Promise.all(jobs.map((jobId) => readAlone(server, jobId)));
  for (let round = 0; round < 20; round += 1) {
    // A reader of its own knows no large log yet.
    const find = createSmallLogReader(server.deps.collections.logs, new Batching());
    const asked = times(random.integer(1, 40), () => random.integer(0, jobs.length - 1));
    const logs = await Promise.all(asked.map((n) => find(jobs[n] as string)));
    logs.forEach((log, i) => {
      const whole = alone[asked[i] as number] as Fragment[];
      if (log !== undefined) t.deepEqual(log, whole);
      if (whole.length > 32) t.is(log, undefined);
    });
  }
  for (const [n, jobId] of jobs.entries()) {
    const find = createSmallLogReader(server.deps.collections.logs, new Batching());
    t.is(
      (await find(jobId)) === undefined,
      (alone[n] as Fragment[]).length > 32,
      'a small log alone is always read',
    );
  }
});

test('a log reads the same before and after it is too large for the shared query', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  let texts = '';
  for (let number = 0; number < 36; number += 1) {
    await postFragment(server, jobId, {
      fragment_number: number,
      phase: number < 20 ? 'provision' : 'test',
      log_data: `${number};`,
    });
    texts += `${number};`;
    const log = await readLog(server, jobId);
    t.is(`${log['provision']?.log_data}${log['test']?.log_data}`, texts);
    t.is(log['test']?.last_fragment_number, number < 20 ? -1 : number);
    const { provision_output = '', test_output = '' } = await readResult(server, jobId);
    t.is(`${provision_output as string}${test_output as string}`, texts);
    const later = await readLog(
      server,
      jobId,
      `?start_fragment=${number}&phase=${number < 20 ? 'provision' : 'test'}`,
    );
    t.deepEqual(Object.values(later), [{ last_fragment_number: number, log_data: `${number};` }]);
    t.deepEqual(Object.values(await readLog(server, jobId, `?start_fragment=${number + 1}&phase=test`)), [
      { last_fragment_number: -1, log_data: '' },
    ]);
  }
});

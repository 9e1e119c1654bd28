import test from 'ava';
import { bearer } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { startServer } from '../support/start-server.js';

test('the job of the highest priority is taken first, then the oldest', async (t) => {
  const server = await startServer(t);
  const headers = bearer(server, { client_id: 'ci', max_priority: { q1: 50 } });
  const old = await submit(server, {});
  const young = await submit(server, {});
  const urgent = await submit(server, { job_priority: 50 }, headers);
  const taken = [await claim(server), await claim(server), await claim(server)];
  t.deepEqual(
    taken.map((job) => job?.job_id),
    [urgent, old, young],
  );
  t.is(await claim(server), undefined);
});

test('50 concurrent claims of 50 jobs give 50 different jobs', async (t) => {
  const server = await startServer(t);
  const submitted = await Promise.all(Array.from({ length: 50 }, () => submit(server)));
  const claims = await Promise.all(submitted.map((_, i) => claim(server, ['q1'], `agent-${i}`)));
  t.deepEqual(claims.map((job) => job?.job_id).sort(), [...submitted].sort());
});

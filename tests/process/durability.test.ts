import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { makeFolder } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';

test('a SIGKILL directly after an acknowledged submit loses no job, and the next start succeeds', async (t) => {
  const folder = makeFolder();
  const acknowledged: string[] = [];
  let server = await startServerProcess(t, { folder });
  for (let round = 0; round < 5; round += 1) {
    const { child } = server;
    // Send several at once, so that some are in flight when the process is killed.
    const submits = Array.from({ length: 8 }, async (_, index) => {
      const response = await server.request('/v1/job', jsonBody({ job_queue: `q${index}` }));
      const { job_id: jobId } = (await response.json()) as { job_id: string };
      acknowledged.push(jobId);
      if (index === 0) child.kill('SIGKILL');
    });
    await Promise.allSettled(submits);
    await server.exited;
    t.true(acknowledged.length > round, 'at least one submit was acknowledged in this round');
    server = await startServerProcess(t, { folder });
    t.false(server.stderr().includes('testflinger-admin'), 'the keys are kept');
  }
  for (const jobId of acknowledged) t.is((await server.request(`/v1/job/${jobId}`)).status, 200, jobId);
});

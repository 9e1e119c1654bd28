import { join } from 'node:path';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { withClient } from '../support/own-mongod.js';
import { type ServerProcess, serverCommand, startServerProcess } from '../support/server-process.js';
import { canMount, SmallDisk } from '../support/small-disk.js';

// The test mounts a file system, which this user may not be allowed to do.
const ifMountable = canMount() ? test : test.skip;

ifMountable(
  'an embedded MongoDB on a full disk ends the server with one clear line, and loses no job once there is space',
  async (t) => {
    t.timeout(280_000);
    const disk = await SmallDisk.mount(t, 700);
    const start = () =>
      startServerProcess(t, {
        folder: disk.folder,
        command: disk.seenBy(serverCommand),
        settings: { QUEUEPASS_DATA_DIR: join(disk.folder, '.queuepass') },
      });
    const acknowledged: string[] = [];
    const statuses = new Set<number>();
    const submit = async (server: ServerProcess) => {
      const body = jsonBody({ job_queue: 'q1', test_data: { test_cmds: 'x'.repeat(100_000) } });
      const answer = await server.request('/v1/job', body).catch(() => undefined);
      if (answer === undefined) return;
      statuses.add(answer.status);
      if (answer.status === 200) acknowledged.push(((await answer.json()) as { job_id: string }).job_id);
    };
    const first = await start();
    for (let n = 0; n < 20; n += 1) await submit(first);
    disk.fill(true);
    let isOver = false;
    const submitting = (async () => {
      while (!isOver) await submit(first);
    })();
    // MongoDB writes its files once a minute. This command makes it write them now.
    const socket = join(disk.outside, '.queuepass', 'mongod.sock');
    const uri = `mongodb://${encodeURIComponent(socket)}/?directConnection=true`;
    await withClient(uri, (client) => client.db('admin').command({ fsync: 1 })).catch(() => undefined);
    const exit = await first.exited;
    isOver = true;
    await submitting;
    t.log(first.stderr());
    t.is(exit.code, 1);
    t.regex(
      first.stderr(),
      /^queuepass: MongoDB could not be kept running: There is no space left on the disk of \S+ for MongoDB: .*$/m,
    );
    t.deepEqual(
      [...statuses].filter((status) => ![200, 503].includes(status)),
      [],
    );

    disk.fill(false);
    const second = await start();
    for (const jobId of acknowledged) t.is((await second.request(`/v1/job/${jobId}`)).status, 200);
    await submit(second);
    t.is((await second.request('/readyz')).status, 200);
    second.kill('SIGTERM');
    t.is((await second.exited).code, 0);
  },
);

import test from 'ava';
import { MongoClient } from 'mongodb';
import { jsonBody } from '../support/clients.js';
import { MongodReplicaSet } from '../support/mongod-replica-set.js';
import { waitUntil } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';

const signingKey = 'a signing key for replica sets, long enough for HS256';

test.serial(
  'a server on a replica set continues after a SIGKILL of the primary, and loses no job',
  async (t) => {
    const set = await MongodReplicaSet.start(t);
    const uri = set.uriOf('jobs');
    const settings = { MONGODB_URI: uri, JWT_SIGNING_KEY: signingKey };
    const server = await startServerProcess(t, { settings });
    const ids: string[] = [];
    const submit = async () => {
      const answer = await server.request('/v1/job', jsonBody({ job_queue: 'q1' }));
      const text = await answer.text();
      if (answer.status === 200) ids.push((JSON.parse(text) as { job_id: string }).job_id);
      else t.is(answer.status, 503, text);
      return answer.status === 200;
    };
    for (let n = 0; n < 10; n += 1) t.true(await submit());

    const killed = await set.killPrimary();
    await waitUntil(submit);
    t.not(await set.findPrimary(), killed);
    await set.restart(killed);
    await set.untilHealthy();
    const stepped = await set.stepDown();
    await waitUntil(submit);
    t.not(await set.findPrimary(), stepped);

    const client = new MongoClient(uri);
    t.teardown(() => client.close());
    const stored = await client.db().collection('jobs').distinct('job_id');
    t.deepEqual(
      ids.filter((id) => !stored.includes(id)),
      [],
      'every acknowledged job is stored',
    );
    t.true(ids.length >= 12);
  },
);

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { Long } from 'mongodb';
import { adoptionTables } from '../../server/areas.js';
import { migrate } from '../../server/migration/migrate.js';
import { surveyDatabase } from '../../server/migration/survey.js';
import { multipartFile } from '../actors/stock-session.js';
import { addClient } from '../support/clients.js';
import { agentHeaders, claim } from '../support/jobs.js';
import { sendLog, sendResult } from '../support/leases.js';
import { startServer } from '../support/start-server.js';

const large = Long.fromString('1234567890123456789');

/** What the other server reads of a finished job: the same queries, with the types as they are stored. */
const asStored = { promoteLongs: false, promoteValues: true } as const;

test('odd documents of an adopted database go through doctor, claim and result, and the other server finds them as it stored them', async (t) => {
  const server = await startServer(t);
  const { connection, collections } = server.deps;
  const { db } = connection;
  const canonical = randomUUID();
  const stored = canonical.toUpperCase();
  const job_data = {
    job_queue: 'q1',
    job_priority: large,
    provision_data: { serial: large, list: [large] },
    global_timeout: Long.fromNumber(3600),
  };
  await db.collection('jobs').insertOne({
    job_id: stored,
    created_at: new Date(),
    job_priority: large,
    job_data,
    result_data: { job_state: 'waiting' },
  });
  await addClient(server, { client_id: 'old', max_priority: { '*': large } as never });

  const notes = (await surveyDatabase(db, adoptionTables)).flatMap((finding) => finding.notes).join('\n');
  t.regex(notes, /1 have an id that is not in canonical form/);
  t.regex(notes, /1 have integers of more than 53 bits/);
  t.regex(notes, /1 have a limit beyond 2\^53-1/);
  await migrate(db, adoptionTables);

  const claimed = await server.request('/v1/job?queue=q1', { headers: agentHeaders(server) });
  const text = await claimed.text();
  t.true(text.includes('"provision_data":{"serial":1234567890123456789,"list":[1234567890123456789]}'), text);
  t.true(text.includes(`"job_id":"${stored}"`));
  t.is(await claim(server), undefined);
  t.is((await sendLog(server, 'agent-1', stored, 0, 'a line\n')).status, 200);
  const { body, headers } = multipartFile(Buffer.from('an artifact'), 'file.tar.gz', 'application/x-gzip');
  const artifact = await server.request(`/v1/result/${stored}/artifact`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { ...agentHeaders(server), 'content-type': headers['content-type'] as string },
  });
  t.is(artifact.status, 200);
  for (const result of [{ job_state: 'test' }, { status: { test: 0 } }, { job_state: 'complete' }])
    t.false((await sendResult(server, 'agent-1', stored, result)).isDiscarded);

  const job = await db.collection('jobs').findOne({ job_id: stored }, asStored);
  t.like(job, { job_id: stored, job_priority: large, result_data: { job_state: 'complete' } });
  t.deepEqual(job?.['job_data'], { ...job_data, ...(job?.['job_data'] as object) });
  t.deepEqual((job?.['job_data'] as typeof job_data).provision_data, job_data.provision_data);
  const pieces = await db.collection('logs').find({ job_id: stored }).toArray();
  t.deepEqual(
    pieces.map(({ log_data }) => log_data as string),
    ['a line\n'],
  );
  t.deepEqual(await collections.files.distinct('filename'), [`${stored}.artifact`]);
  const client = await db.collection('client_permissions').findOne({ client_id: 'old' }, asStored);
  t.deepEqual(client?.['max_priority'], { '*': large });
});

import { randomBytes, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { openCollections } from '../../server/areas.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { createMaskSealer } from '../../server/scrubbing/create-mask-sealer.js';
import { JobMasks } from '../../server/scrubbing/job-masks.js';
import { makeStoredJob, type Setting, signingKey } from './setting.js';

/** Stores a job that the agent `bench` holds, with `secrets` secrets of 40 characters. Returns its id. */
export async function storeMaskedJob({ db }: Setting, secrets: number): Promise<string> {
  const collections = openCollections(db);
  const keys = { secretsMasterKey: undefined, secretsPreviousMasterKeys: undefined };
  const sealer = createMaskSealer(keys as never, readSigningKeys(signingKey));
  const clock = { now: () => new Date(), inDatabase: '$$NOW' as const };
  const masks = new JobMasks(collections.jobMasks, sealer, clock, pino({ enabled: false }));
  const names = Array.from({ length: secrets }, (_, n) => `S${n}`);
  const job = {
    ...makeStoredJob('masked'),
    job_id: randomUUID(),
    lease: { holder: 'bench', attempt: 1, until: new Date(Date.now() + 900_000) },
    result_data: { job_state: 'test' },
  };
  const named = Object.fromEntries(names.map((name) => [name, name]));
  const data = { job_queue: 'masked', test_data: { ...(secrets > 0 && { secrets: named }) } };
  await db.collection('jobs').insertOne({ ...job, job_data: data });
  if (secrets === 0) return job.job_id;
  const values = names.map((path) => ({ path, value: randomBytes(30).toString('base64') }));
  await masks.add(job.job_id, 1, values);
  return job.job_id;
}

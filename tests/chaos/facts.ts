import { request } from 'undici';
import type { JobRecord } from '../../server/job/job-record.js';
import type { LogRecord } from '../../server/logs/collections.js';
import { groupBy } from './group-by.js';
import type { Claim, Submission } from './records.js';
import { type ChaosWorld, makeHeaders } from './world.js';

/** An attempt that ended without a result, as the server keeps it. */
export interface ClosedAttempt {
  attempt: number;
  holder: string;
  status?: Record<string, number>;
  device_info?: { attempt?: string };
}

/** A job as stored. Closed attempts have the fields that the actors sent. */
export type StoredJob = Omit<JobRecord, 'attempts'> & { attempts?: ClosedAttempt[] };

/** A log fragment as stored. */
export type StoredFragment = LogRecord;

/** The logs of a job by type and phase, as a client reads them. */
export type LogTexts = Record<string, { last_fragment_number: number; log_data: string }>;

/** Everything known about one job after the run: the stored data, the HTTP responses, and the actors' records. */
export interface JobFacts {
  job: StoredJob;
  submission: Submission | undefined;
  /** In the order of their responses. */
  claims: Claim[];
  /** Sorted by log type and number. */
  fragments: StoredFragment[];
  result: Record<string, unknown>;
  logs: { output: LogTexts; serial: LogTexts };
  /** `undefined` if the job has no artifact. */
  artifact: string | undefined;
}

/** The input of all checks. */
export interface Facts {
  jobs: JobFacts[];
  submissions: readonly Submission[];
  leases: boolean;
  attempts: number;
}

/** Reads the database, and every job over HTTP. */
export async function gatherFacts(world: ChaosWorld): Promise<Facts> {
  const stored = (await world.collections.jobs.find().sort({ created_at: 1 }).toArray()) as StoredJob[];
  const byId = groupBy(world.claims, ({ jobId }) => jobId);
  const jobs: JobFacts[] = [];
  const rest = [...stored];
  const readers = Array.from({ length: 8 }, async () => {
    for (let job = rest.pop(); job !== undefined; job = rest.pop()) {
      const { job_id: id, job_data } = job;
      const tags = (job_data.tags ?? []) as string[];
      const submission = world.submissions.find(({ tag }) => tags.includes(tag));
      const claims = [...(byId.get(id) ?? [])].sort((one, other) => one.answeredAt - other.answeredAt);
      const fragments = world.collections.logs
        .find({ job_id: id })
        .sort({ log_type: 1, fragment_number: 1 })
        .toArray();
      jobs.push({ job, submission, claims, fragments: await fragments, ...(await readOverHttp(world, id)) });
    }
  });
  await Promise.all(readers);
  const { submissions, options } = world;
  return { jobs, submissions, leases: options.leases, attempts: options.attempts };
}

async function readOverHttp(
  world: ChaosWorld,
  id: string,
): Promise<Pick<JobFacts, 'result' | 'logs' | 'artifact'>> {
  const read = async (path: string) => {
    const answer = await request(world.url + path, { headers: makeHeaders('contributor') });
    const text = await answer.body.text();
    if (![200, 204].includes(answer.statusCode)) throw new Error(`${path}: ${answer.statusCode} ${text}`);
    return answer.statusCode === 204 ? undefined : text;
  };
  const readLog = async (type: string) => {
    const text = await read(`/v1/result/${id}/log/${type}`);
    return (JSON.parse(text ?? '{}') as Record<string, LogTexts>)[type] ?? {};
  };
  const result = JSON.parse((await read(`/v1/result/${id}`)) ?? '{}') as Record<string, unknown>;
  const logs = { output: await readLog('output'), serial: await readLog('serial') };
  return { result, logs, artifact: await read(`/v1/result/${id}/artifact`) };
}

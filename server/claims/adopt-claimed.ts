import type { Core } from '../core/core.js';
import { adoptForms } from '../job/adopt-jobs.js';
import { findForms } from '../job/find-job.js';
import { readOtherCanonicalId } from '../job/job-id.js';
import type { JobServices } from '../job/services.js';
import { fenceEarlierRun } from '../leases/fence-earlier-run.js';
import { fenceLease } from '../leases/fencing.js';
import type { WaitingJob } from './claimer.js';

/** What the earlier documents of an id add to the one that was claimed. */
const earlierFields = {
  created_at: 1,
  started_at: 1,
  phase_times: 1,
  'result_data.job_state': 1,
  'job_data.test_data.secrets': 1,
  lease: 1,
  attempts: 1,
} as const;

/**
 * Makes a claimed job the one live document of its id, if a Testflinger server stored it beside earlier ones after the
 * adoption of the database, also in another form of the id, and makes it findable under the canonical form of its id. As after a resubmission here, its
 * attempts and logs continue those of the earlier document.
 * @returns the job as it is stored now; `undefined` if its id has a newer document: the claim must be undone, and the job is
 * not handed out again
 */
export async function adoptClaimed(
  deps: Pick<Core, 'clock'> & Pick<JobServices, 'collections'>,
  job: WaitingJob,
): Promise<WaitingJob | undefined> {
  const { jobs } = deps.collections;
  const canonical_id = readOtherCanonicalId(job.job_id);
  if (job.live === true && canonical_id === undefined) return job;
  if (canonical_id !== undefined && job.canonical_id === undefined)
    await jobs.updateMany({ job_id: job.job_id, canonical_id: { $exists: false } } as object, {
      $set: { canonical_id },
    });
  const canonical = canonical_id ?? job.job_id;
  await adoptForms(jobs, canonical);
  const [newest, ...earlier] = await findForms<WaitingJob>(jobs, canonical, earlierFields);
  if (newest === undefined || !newest._id.equals(job._id)) return undefined;
  // A live document that was claimed before already continues the earlier ones.
  const continues = job.live === true && (job.lease?.attempt ?? 1) > 1;
  const before = continues ? undefined : earlier.find(({ lease }) => lease !== undefined);
  const { lease, attempts, log_segments } = before ? fenceEarlierRun(before, deps.clock.now()) : {};
  if (lease === undefined) return { ...job, live: true };
  const first = Math.max(lease.attempt + 1, job.lease?.attempt ?? 1);
  const changed = await jobs.findOneAndUpdate(
    { _id: job._id, ...fenceLease(job.lease) } as object,
    {
      $set: {
        'lease.attempt': first,
        'lease.first': first,
        ...(attempts && { attempts }),
        ...(log_segments && { log_segments }),
      } as object,
    },
    { returnDocument: 'after' },
  );
  return changed ?? undefined;
}

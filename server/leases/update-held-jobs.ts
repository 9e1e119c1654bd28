import type { AnyBulkWriteOperation, Collection, Document, Filter } from 'mongodb';
import { countMatched, groupByChange } from '../db/batched-writes.js';
import type { JobRecord } from '../job/job-record.js';
import { endedStates } from '../job/job-state.js';

/** An update of a job by its holder, for a job without secrets. Applying it twice must be the same as once. */
export interface HolderUpdate {
  jobId: string;
  holder: string;
  /** The client of the holder. A lease without a client has none yet. */
  clientId?: string | undefined;
  /** The stages of a pipeline. */
  update: Document[];
}

/**
 * The holder is not done with the job. Else the agent may hold a newer document of the id, which a Testflinger server stored
 * or handed out. No index answers a `$nor` of two fields, so MongoDB cannot look the job up by its state or lease.
 */
const isActive = {
  $nor: [{ 'lease.until': { $exists: false }, 'result_data.job_state': { $in: [...endedStates] } }],
};

const withoutSecrets = { 'job_data.test_data.secrets': { $exists: false } };

/**
 * Updates jobs for their holders with one command, and returns for each whether its sender held the job: `run` of a batcher.
 * Equal updates, such as the same phase, share a statement. MongoDB reports only how many jobs matched in all; when that is
 * not every one, each update is sent again by itself.
 */
export async function updateHeldJobs(
  jobs: Collection<JobRecord>,
  updates: readonly HolderUpdate[],
): Promise<readonly (boolean | Error)[]> {
  const [first] = updates;
  if (updates.length === 1 && first !== undefined) return [await updateAlone(jobs, first)];
  const groups = groupByChange(updates, { keyOf: ({ jobId }) => jobId, changeOf: ({ update }) => update });
  const write = () => jobs.bulkWrite(groups.map(toStatement), { ordered: false });
  if ((await countMatched(write, groups.length)) === updates.length) return updates.map(() => true);
  const outcomes = new Map<HolderUpdate, boolean | Error>();
  // Updates of one job are in different groups, which run one after the other.
  for (const group of groups) {
    const runAlone = async (update: HolderUpdate) =>
      outcomes.set(update, await updateAlone(jobs, update).catch((error: unknown) => error as Error));
    await Promise.all(group.map(runAlone));
  }
  return updates.map((update) => outcomes.get(update) as boolean | Error);
}

function toStatement(group: readonly HolderUpdate[]): AnyBulkWriteOperation<JobRecord> {
  const [first] = group as [HolderUpdate, ...HolderUpdate[]];
  const { update } = first;
  if (group.length === 1) return { updateOne: { filter: filterHeld(first), update } };
  const ids = group.map(({ jobId }) => jobId);
  const ofThisJob = (values: readonly (string | null)[]) => ({
    $arrayElemAt: [{ $literal: values }, { $indexOfArray: [{ $literal: ids }, '$job_id'] }],
  });
  const isHeld = [
    { $eq: ['$lease.holder', ofThisJob(group.map(({ holder }) => holder))] },
    {
      $eq: [
        { $ifNull: ['$lease.client_id', null] },
        ofThisJob(group.map(({ clientId }) => clientId ?? null)),
      ],
    },
  ];
  // One document for each job, so that the number of matches decides: an older database may hold duplicates without the mark.
  const filter = {
    job_id: { $in: ids },
    live: true,
    $expr: { $and: isHeld },
    ...isActive,
    ...withoutSecrets,
  };
  return { updateMany: { filter: filter as Filter<JobRecord>, update } };
}

async function updateAlone(jobs: Collection<JobRecord>, update: HolderUpdate): Promise<boolean> {
  return (await jobs.updateOne(filterHeld(update), update.update)).matchedCount === 1;
}

function filterHeld({ jobId, holder, clientId }: HolderUpdate): Filter<JobRecord> {
  return {
    job_id: jobId,
    live: true,
    ...isActive,
    'lease.holder': holder,
    'lease.client_id': clientId ?? { $exists: false },
    ...withoutSecrets,
  } as Filter<JobRecord>;
}

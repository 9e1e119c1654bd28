import type { Collections } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { adoptJobs } from './adopt-jobs.js';
import { adoptLogs } from './adopt-logs.js';

/** Name of the beat that tells that the documents of an existing database were looked at. */
const adoptedBeat = 'adopted';

/**
 * Marks the documents of an existing database as `queuepass migrate` does, once; later ones are marked by that command.
 * Requests are served meanwhile; a start that is cut short leaves the rest to the next.
 */
export async function adoptAtStart({ collections, log }: Pick<Deps, 'collections' | 'log'>): Promise<void> {
  try {
    if ((await collections.serviceBeats.findOne({ _id: adoptedBeat })) !== null) return;
    const jobs = await adoptJobs(collections.jobs);
    const logs = await adoptLogs(collections.logs as unknown as Parameters<typeof adoptLogs>[0]);
    await noteAdopted(collections);
    if (jobs.live + jobs.superseded + logs.live + logs.repeated > 0) {
      log.info({ jobs, logs }, 'marked the documents of an existing database');
    }
  } catch (error) {
    log.warn({ err: error }, 'not all documents of an existing database are marked; the next start goes on');
  }
}

async function noteAdopted({ serviceBeats }: Collections): Promise<void> {
  await serviceBeats.updateOne({ _id: adoptedBeat }, { $currentDate: { at: true } }, { upsert: true });
}

import type { WithId } from 'mongodb';
import type { JobRecord } from '../job/job-record.js';

/** An agent that asks for a job of its queues. */
export interface Claimer {
  queues: readonly string[];
  agent: string;
  /** The client that asks as this agent. */
  clientId?: string | undefined;
  /** Nobody would get the job. */
  isGone?: () => boolean;
}

/** A stored job. */
export type WaitingJob = WithId<JobRecord>;

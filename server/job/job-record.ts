import type { ObjectId } from 'mongodb';

/** Who holds a job in progress; the attempt is the fencing token of its writes. */
export interface Lease {
  /** The agent's name; absent while nobody holds the job. */
  holder?: string;
  /** 1 for the first claim, one more for each further one; kept over a resubmission. */
  attempt: number;
  /** Of the command that took it, where it took several. */
  claim_token?: ObjectId;
  /** When the holder loses the job unless it gives a sign of life; absent when it has ended its job, or nobody has it. */
  until?: Date;
  /** The holder asked for other work: only a request about this job prolongs the lease. */
  cut?: true;
  /** Attempts of this run that were lost. */
  losses?: number;
  /** The first attempt of this run, where the job was submitted again. */
  first?: number;
}

/** An attempt that ended without a result of the job, and what its holder told until then. */
export interface ClosedAttempt {
  attempt: number;
  holder: string;
  started_at?: Date;
  ended_at: Date;
  reason: 'lease_expired' | 'resubmitted';
  /** The state that the job was in. */
  state: string;
  status?: unknown;
  device_info?: unknown;
  artifact_file?: ObjectId;
  /** It was given secrets. */
  masked?: true;
  /** What its holder sent when it was no longer its job. */
  late?: { kind: 'result' | 'log' | 'artifact' | 'events'; text: string }[];
  /** Bytes of that. */
  late_bytes?: number;
}

/** A line of the server's own in the output of a job. */
export interface ServerLine {
  phase: string;
  /** Where it is stored: behind the last piece. */
  number: number;
  text: string;
}

/** In one log: pieces that an agent numbers `from` and up are stored from `at` on. */
export interface LogStart {
  from: number;
  at: number;
}

/** Where the pieces of an attempt, and of those after it, are stored, in each log. */
export interface LogSegment {
  attempt: number;
  output: LogStart;
  serial: LogStart;
}

/** An `Idempotency-Key` that was used: digests of the key and of the body that it came with. */
export interface SpentKey {
  key: string;
  body: string;
  at: Date;
}

/** A job as stored; `job_data` is what the submitter sent. */
export interface JobRecord {
  job_id: string;
  /** Marks the one live document of its `job_id`: the unique index covers only documents that carry it. */
  live: true;
  /** An older document of an id that has a newer one; never handed out. */
  superseded?: true;
  created_at: Date;
  started_at?: Date;
  job_priority: number;
  job_data: Record<string, unknown> & {
    job_queue: string;
    exclude_agents?: string[];
    attachments_status?: 'waiting' | 'complete';
  };
  result_data: { job_state: string; [field: string]: unknown };
  lease?: Lease;
  /** The last attempts that were lost, the newest last. */
  attempts?: ClosedAttempt[];
  /** Agents that the job is kept from, since they lost it and another one lives. */
  lost_holders?: string[];
  /** A line of the server's own that belongs into its output and may not be there yet. */
  pending_line?: ServerLine;
  /** Where the logs of further attempts begin; absent for a job that nobody lost. */
  log_segments?: LogSegment[];
  /** Client id of the submitter; absent when anonymous. */
  submitted_by?: string;
  /** The stored file of its artifact; absent where an agent without a lease stored one. */
  artifact_file?: ObjectId;
  /** The stored file of its attachments; absent while it awaits them, and where a Testflinger server stored them. */
  attachments_file?: ObjectId;
  /** When it last became claimable otherwise than by its submit: what waits for a job is told of it by this. */
  wake_at?: Date;
  /** The `Idempotency-Key`s of its submissions of the last day. */
  idempotency?: SpentKey[];
}

import type { ObjectId } from 'mongodb';
import type { Phase } from './phases.js';

/** Who holds a job in progress. The attempt is the fencing token of the holder's writes. */
export interface Lease {
  /** The agent's name; absent while nobody holds the job. */
  holder?: string;
  /** The client that claimed the job; absent if an older version or another server stored the lease. */
  client_id?: string;
  /** 1 for the first claim, and one more for each later one. The count continues when the job is resubmitted. */
  attempt: number;
  /** Identifies the database command that claimed the job, if it claimed several jobs. */
  claim_token?: ObjectId;
  /** When the holder loses the job unless it shows a sign of life; absent when the job has ended or has no holder. */
  until?: Date;
  /** The holder asked for another job: from then on, only a request about this job renews the lease. */
  cut?: true;
  /** How many attempts of this run were lost. */
  losses?: number;
  /** The first attempt of this run; absent unless the job was resubmitted. */
  first?: number;
}

/** The database's times at which an attempt first entered its phases. */
export type PhaseTimes = Partial<Record<Phase, Date>>;

/** An attempt that ended without a result of its own, and the data that its holder had sent until then. */
export interface ClosedAttempt {
  attempt: number;
  holder: string;
  /** The client that held the attempt. */
  client_id?: string;
  started_at?: Date;
  /** When it entered each phase. */
  phase_times?: PhaseTimes;
  ended_at: Date;
  reason: 'lease_expired' | 'resubmitted';
  /** The state that the job was in. */
  state: string;
  status?: unknown;
  device_info?: unknown;
  artifact_file?: ObjectId;
  /** The attempt was given secrets. */
  masked?: true;
  /** Data that the holder sent after it had lost the job. */
  late?: { kind: 'result' | 'log' | 'artifact' | 'events'; text: string }[];
  /** Size of `late` in bytes. */
  late_bytes?: number;
}

/** A line that the server itself writes to the output of a job. */
export interface ServerLine {
  phase: string;
  /** The number under which the line is stored, after the last fragment. */
  number: number;
  text: string;
}

/** In one log: the fragment that an agent numbers `from` is stored as number `at`, and the later ones after it. */
export interface LogStart {
  from: number;
  at: number;
}

/** Where each log stores the fragments of an attempt, and of later attempts unless they have a segment of their own. */
export interface LogSegment {
  attempt: number;
  output: LogStart;
  serial: LogStart;
}

/** An `Idempotency-Key` that a submission used: digests of the key and of the submitted body. */
export interface UsedIdempotencyKey {
  key: string;
  body: string;
  at: Date;
}

/** A stored job. `job_data` is what the submitter sent. */
export interface JobRecord {
  /** The id as it is stored: a Testflinger server stores it as the client wrote it, and logs and files are named after it. */
  job_id: string;
  /** The canonical form of `job_id`, by which requests name the job; absent if `job_id` has this form. */
  canonical_id?: string;
  /** Marks the one live document of its `job_id`: the unique index covers only documents with this field. */
  live: true;
  /** Marks a document whose id has a newer document; it is never handed out. */
  superseded?: true;
  created_at: Date;
  started_at?: Date;
  /** When this attempt entered each phase; absent before the first one. */
  phase_times?: PhaseTimes;
  /** When the job was completed, cancelled or lost for good. */
  ended_at?: Date;
  job_priority: number;
  job_data: Record<string, unknown> & {
    job_queue: string;
    exclude_agents?: string[];
    attachments_status?: 'waiting' | 'complete';
  };
  result_data: { job_state: string; [field: string]: unknown };
  lease?: Lease;
  /** The most recent closed attempts, the newest last. */
  attempts?: ClosedAttempt[];
  /** Agents that cannot claim the job: they lost it, and another live agent serves its queue. */
  lost_holders?: string[];
  /** A line of the server that the output must contain and may not contain yet. */
  pending_line?: ServerLine;
  /** Where the logs of later attempts begin; absent until the job is lost, or resubmitted after a claim. */
  log_segments?: LogSegment[];
  /** The submitter's client id; absent if the submitter was anonymous. */
  submitted_by?: string;
  /** The stored file of its artifact; also absent if an agent without a lease stored the artifact. */
  artifact_file?: ObjectId;
  /** The stored file of its attachments; absent while the job awaits them, or if a Testflinger server stored them. */
  attachments_file?: ObjectId;
  /**
   * The bytes of attachments that anonymous callers have sent for this run of the job, those of running uploads included;
   * absent or 0 if there are none.
   */
  anonymous_bytes?: number;
  /** When the job last became claimable other than by a submit; a change of this field wakes the waiting claims. */
  wake_at?: Date;
  /** The `Idempotency-Key`s that submitted the job within the last day. */
  idempotency?: UsedIdempotencyKey[];
}

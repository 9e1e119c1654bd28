import type { AgentJob } from '../actors/stock-agent.js';

/** What an actor knows about one try. After a cut or a 5xx it does not know whether the server did the work. */
export type Outcome = 'accepted' | 'discarded' | 'unknown' | 'refused';

/** One try of one call; times in milliseconds since the start of the run. */
export interface CallRecord {
  sentAt: number;
  /** When the response or the error arrived. Absent while the try runs, and if the agent was killed during it. */
  doneAt?: number;
  method: string;
  path: string;
  status?: number;
  error?: string;
  outcome: Outcome;
}

/** One try of a write about a claimed job. */
export interface WriteRecord {
  call: CallRecord;
  kind: 'result' | 'output' | 'serial' | 'artifact';
  body: { status?: Record<string, number>; job_state?: string; fragment_number?: number };
}

/** A claim whose response reached its agent, and everything that the agent did with the job. */
export interface Claim {
  /** Unique. Each log line, the device data and the artifact contain it. */
  id: string;
  /** The exit code of each phase, unique among claims. */
  code: number;
  jobId: string;
  agent: string;
  job: AgentJob;
  askedAt: number;
  answeredAt: number;
  calls: CallRecord[];
  writes: WriteRecord[];
  /** Events of the run, for the report. */
  notes: string[];
}

/** A job that a submitter sends, possibly several times. */
export interface Submission {
  /** One of the job's tags. */
  tag: string;
  /** `id`: with a job id; `key`: with an `Idempotency-Key`; `plain`: with neither, so each send creates a job. */
  kind: 'id' | 'key' | 'plain';
  /** The id that the server returned. */
  jobId?: string;
  acknowledgedAt?: number;
  /** How often the job was sent. */
  sends: number;
  cancelAskedAt?: number;
}

/** A violation that a check found, and its job. */
export interface Problem {
  jobId: string | undefined;
  text: string;
}

/** The text of a log line. The checks derive its claim from it. */
export function makeLine({ jobId, agent, id }: Claim, number: number): string {
  return `${jobId} ${agent} ${id} ${number}\n`;
}

/** The content of a claim's artifact. */
export function makeArtifact({ id }: Claim): string {
  return `artifact of ${id}`;
}

/** The statuses that an agent last sent or tried to send, as its run folder has them. */
export function lastStatus({ writes }: Claim): Record<string, number> {
  return writes.findLast(({ body }) => body.status !== undefined)?.body.status ?? {};
}

/** Whether the server accepted the outcome, so that the agent removed its run folder. */
export function isOutcomeSent({ writes }: Claim): boolean {
  return writes.some(({ body, call }) => body.job_state === 'complete' && call.status === 200);
}

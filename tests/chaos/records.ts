import type { AgentJob } from '../actors/stock-agent.js';

/** What an actor learned about one try: a cut or a 5xx leaves open whether it was done. */
export type Outcome = 'accepted' | 'discarded' | 'unknown' | 'refused';

/** One try of one call; times in milliseconds since the start of the run. */
export interface CallRecord {
  sentAt: number;
  /** When its answer or the error came; absent while it is under way, and when the agent was killed in it. */
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

/** A claim whose answer came to its agent, and all that the agent did about the job: the run folder, and more. */
export interface Claim {
  /** Unlike any other one's; in each line, in the device's data and in the artifact. */
  id: string;
  /** The exit code of each of its phases, unlike any other claim's. */
  code: number;
  jobId: string;
  agent: string;
  job: AgentJob;
  askedAt: number;
  answeredAt: number;
  calls: CallRecord[];
  writes: WriteRecord[];
  /** What became of the run, for people. */
  notes: string[];
}

/** A job that a submitter wants to be run. */
export interface Submission {
  /** Among the tags of the job. */
  tag: string;
  /** `id`: with a job id of its own; `key`: with an `Idempotency-Key`; `plain`: sent again it makes another job. */
  kind: 'id' | 'key' | 'plain';
  /** As the server acknowledged it. */
  jobId?: string;
  acknowledgedAt?: number;
  /** How often the job itself was sent. */
  sends: number;
  cancelAskedAt?: number;
}

/** Something that must not be, with the job that it is about. */
export interface Problem {
  jobId: string | undefined;
  text: string;
}

/** The text of a line, by which the checks know where it belongs. */
export function makeLine({ jobId, agent, id }: Claim, number: number): string {
  return `${jobId} ${agent} ${id} ${number}\n`;
}

/** The bytes of the artifact of a claim. */
export function makeArtifact({ id }: Claim): string {
  return `artifact of ${id}`;
}

/** The statuses that an agent last sent, or tried to: what its run folder holds. */
export function lastStatus({ writes }: Claim): Record<string, number> {
  return writes.findLast(({ body }) => body.status !== undefined)?.body.status ?? {};
}

/** Whether the server took the outcome, so that the agent removed its run folder. */
export function isOutcomeSent({ writes }: Claim): boolean {
  return writes.some(({ body, call }) => body.job_state === 'complete' && call.status === 200);
}

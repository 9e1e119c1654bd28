/*
 * The states of a job, and the events that change them.
 *
 * A submit makes a job `waiting`. A claim makes it `running` and gives it to an agent under a lease. If the response to
 * the claim is not delivered, the claim is released. The agent then reports each phase that it enters, and at the end
 * `complete`: the final result, which is stored even after a cancel. A cancel ends a job from any state that has not
 * ended. An agent that shows no sign of life loses its lease. The job then waits again at its place in the queue or,
 * after the maximum number of attempts (`JOB_MAX_ATTEMPTS`), is complete with status 75 for its phase. While nobody
 * else has claimed a lost job, the agent that lost it gets it back with its next request about the job. A resubmission
 * under the same id returns a job to `waiting` from every state.
 */

/** The kinds of states. Every other state that an agent reports is a `phase`. */
export const jobStates = {
  waiting: { ended: false },
  running: { ended: false },
  phase: { ended: false },
  cancelled: { ended: true },
  complete: { ended: true },
} as const;

/** A kind of state. */
export type JobState = keyof typeof jobStates;

interface JobEventRow {
  /** The states in which the event can happen; none if the job does not exist before it. */
  from: readonly JobState[];
  /** The state after the event; of several, the one that the job had before it was lost. */
  to: readonly JobState[];
  /** What happens: the label in the diagram of the states. */
  description: string;
}

/** The events that change the state of a job. */
export const jobEvents = {
  submit: { from: [], to: ['waiting'], description: 'submit' },
  claim: { from: ['waiting'], to: ['running'], description: 'claim' },
  release: { from: ['running'], to: ['waiting'], description: 'the response to the claim was not delivered' },
  enter_phase: {
    from: ['waiting', 'running', 'phase'],
    to: ['phase'],
    description: 'the agent reports its phase (setup, provision, ...)',
  },
  finish: {
    from: ['waiting', 'running', 'phase', 'cancelled', 'complete'],
    to: ['complete'],
    description: 'the agent reports the final result',
  },
  cancel: { from: ['waiting', 'running', 'phase'], to: ['cancelled'], description: 'cancel' },
  lose: {
    from: ['running', 'phase'],
    to: ['waiting'],
    description: 'the lease ended and another attempt is left',
  },
  give_up: {
    from: ['running', 'phase'],
    to: ['complete'],
    description: 'the lease of the last attempt ended',
  },
  give_back: {
    from: ['waiting'],
    to: ['phase', 'running'],
    description: 'the agent that lost the job returns',
  },
  resubmit: {
    from: ['waiting', 'running', 'phase', 'cancelled', 'complete'],
    to: ['waiting'],
    description: 'submit again under the same id',
  },
} as const satisfies Record<string, JobEventRow>;

/** The name of an event. */
export type JobEvent = keyof typeof jobEvents;

/** The stored states of a job that has ended. Some older scripts write `completed`. */
export const endedStates: readonly string[] = [
  ...Object.entries(jobStates).flatMap(([state, { ended }]) => (ended ? [state] : [])),
  'completed',
];

/** Returns the kind of a stored state. */
export function readJobState(stored: string): JobState {
  if (stored === 'completed') return 'complete';
  return Object.hasOwn(jobStates, stored) ? (stored as JobState) : 'phase';
}

/** Returns the stored states in which an event cannot happen. The names of phases are not known in advance. */
function listForbiddenStates(event: JobEvent): string[] {
  const from: readonly JobState[] = jobEvents[event].from;
  const others = Object.keys(jobStates).filter((state) => !from.includes(state as JobState));
  return others.includes('complete') ? [...others, 'completed'] : others;
}

/** Returns the part of a filter that matches a job only if the table allows the event in its state. */
export function filterAllowing(event: JobEvent): object {
  const from: readonly JobState[] = jobEvents[event].from;
  const state = from.includes('phase')
    ? { $nin: listForbiddenStates(event) }
    : from.length === 1
      ? from[0]
      : { $in: [...from] };
  return { 'result_data.job_state': state };
}

/** Returns the same condition as an aggregation expression, for an event that can happen in a phase. */
export function expressionAllowing(event: JobEvent): object {
  return { $not: [{ $in: ['$result_data.job_state', listForbiddenStates(event)] }] };
}

/** Returns the state that an event writes. */
export function stateAfter(event: Exclude<JobEvent, 'enter_phase' | 'give_back'>): JobState {
  return jobEvents[event].to[0];
}

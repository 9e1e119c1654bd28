/*
 * The states of a job, and the events that change them.
 *
 * A submit makes a job `waiting`. A claim makes it `running` and gives it to an agent under a lease; a claim whose answer
 * nobody got is released. The agent then names each phase that it enters, and `complete` at the end: the final result,
 * which is stored after a cancel too. A cancel ends a job from any state that is no end. An agent that gives no sign of
 * life loses its lease: the job waits again with its place, or, after as many attempts as an operator allows, is
 * complete with a status that tells of it. Whoever lost a job that nobody else has taken gets it back with the next word
 * of it. A resubmission under its id takes a job back to `waiting` from every state.
 */

/** The kinds of states; every word of an agent that is none of the others is a `phase`. */
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
  /** Where a job must be for it to happen; none for a job that is not there yet. */
  from: readonly JobState[];
  /** Where it is then; of several, where it was before. */
  to: readonly JobState[];
  /** What it is, for people. */
  told: string;
}

/** Everything that changes the state of a job. */
export const jobEvents = {
  submit: { from: [], to: ['waiting'], told: 'submit' },
  claim: { from: ['waiting'], to: ['running'], told: 'claim' },
  release: { from: ['running'], to: ['waiting'], told: 'a claim whose answer nobody got' },
  enter_phase: {
    from: ['waiting', 'running', 'phase'],
    to: ['phase'],
    told: 'the agent names its phase (setup, provision, ...)',
  },
  finish: {
    from: ['waiting', 'running', 'phase', 'cancelled', 'complete'],
    to: ['complete'],
    told: 'the final result',
  },
  cancel: { from: ['waiting', 'running', 'phase'], to: ['cancelled'], told: 'cancel' },
  lose: { from: ['running', 'phase'], to: ['waiting'], told: 'the lease ended, another attempt is left' },
  give_up: { from: ['running', 'phase'], to: ['complete'], told: 'the lease of the last attempt ended' },
  give_back: { from: ['waiting'], to: ['phase', 'running'], told: 'the agent that lost it is there again' },
  resubmit: {
    from: ['waiting', 'running', 'phase', 'cancelled', 'complete'],
    to: ['waiting'],
    told: 'submitted again under its id',
  },
} as const satisfies Record<string, JobEventRow>;

/** Something that changes the state of a job. */
export type JobEvent = keyof typeof jobEvents;

/** The states of a job that has ended; `completed` is the word of some older scripts. */
export const endedStates: readonly string[] = [
  ...Object.entries(jobStates).flatMap(([state, { ended }]) => (ended ? [state] : [])),
  'completed',
];

/** The kind of a stored word. */
export function readJobState(word: string): JobState {
  if (word === 'completed') return 'complete';
  return Object.hasOwn(jobStates, word) ? (word as JobState) : 'phase';
}

/** The words of the states in which an event cannot happen; `phase` stands for words that are not known beforehand. */
function listOthers(event: JobEvent): string[] {
  const from: readonly JobState[] = jobEvents[event].from;
  const others = Object.keys(jobStates).filter((state) => !from.includes(state as JobState));
  return others.includes('complete') ? [...others, 'completed'] : others;
}

/** The part of a filter that lets an event happen only where the table allows it. */
export function filterAllowing(event: JobEvent): object {
  const from: readonly JobState[] = jobEvents[event].from;
  const state = from.includes('phase')
    ? { $nin: listOthers(event) }
    : from.length === 1
      ? from[0]
      : { $in: [...from] };
  return { 'result_data.job_state': state };
}

/** The same as an expression, for an event that can happen in phases. */
export function isAllowing(event: JobEvent): object {
  return { $not: [{ $in: ['$result_data.job_state', listOthers(event)] }] };
}

/** The word that an event writes. */
export function stateAfter(event: Exclude<JobEvent, 'enter_phase' | 'give_back'>): JobState {
  return jobEvents[event].to[0];
}

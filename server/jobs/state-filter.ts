import { endedStates } from '../job/job-state.js';

const field = 'result_data.job_state';

/** The states of jobs that no agent works on, in the order of the index. */
const atRest = [...endedStates, 'waiting'].sort();

/**
 * Matches jobs that an agent works on: every state but `waiting` and those of ended jobs. The names of phases are not known
 * in advance, and the filter of a partial index takes no `$nin`, so these are the ranges between the other states.
 */
export const inProgress = {
  $or: [
    ...atRest.map((state, n) => ({ [field]: { ...(n > 0 && { $gt: atRest[n - 1] }), $lt: state } })),
    { [field]: { $gt: atRest.at(-1) } },
  ],
};

/**
 * Returns filters that together match the jobs in some states, each job by one of them; each is answered by another index
 * (`qp_waiting`, `qp_in_progress`). `completed` and `complete` are the same state, which agents write as `complete`. `active`
 * is every state that has not ended.
 */
export function filterStates(states: readonly string[]): object[] {
  const named = new Set(states);
  if (named.has('complete')) named.add('completed');
  if (named.has('completed')) named.add('complete');
  const isActive = named.delete('active');
  if (isActive) named.add('waiting');
  const resting = atRest.filter((state) => named.has(state));
  const phases = [...named].filter((state) => !atRest.includes(state));
  return [
    ...(resting.length > 0 ? [{ [field]: { $in: resting } }] : []),
    ...(isActive ? [inProgress] : phases.length > 0 ? [{ ...inProgress, [field]: { $in: phases } }] : []),
  ];
}

/**
 * The states of a job. A submit makes it `waiting`; a claim makes it `running`; its agent then names each phase that it
 * enters, and `complete` at the end. A cancel ends it from any state that is no end. A resubmission under its id takes
 * it back to `waiting`.
 */
export const jobStates = {
  waiting: { by: 'submit or resubmit', next: ['running', 'cancelled'] },
  running: { by: 'claim', next: ['phase', 'cancelled', 'complete'] },
  phase: { by: 'post of a result: setup, provision, ...', next: ['phase', 'cancelled', 'complete'] },
  cancelled: { by: 'cancel', next: ['complete', 'waiting'] },
  complete: { by: 'post of the final result', next: ['waiting'] },
} as const;

/** The states of a job that has ended; `completed` is the word of some older scripts. */
export const endedStates: readonly string[] = ['cancelled', 'complete', 'completed'];

/**
 * The states of a job. A submit makes it `waiting`; a claim makes it `running`, and one whose answer nobody got takes
 * that back; its agent then names each phase that it enters, and `complete` at the end. A cancel ends it from any state
 * that is no end; the agent's last result is stored even so. A resubmission under its id takes it back to `waiting`
 * from every state.
 */
/** The states, what brings a job into each, and where it can go from there. */
export const jobStates = {
  waiting: { by: 'submit, resubmit, or a claim taken back', ended: false, next: ['running', 'cancelled'] },
  running: { by: 'claim', ended: false, next: ['waiting', 'phase', 'cancelled', 'complete'] },
  phase: {
    by: 'result: setup, provision, ...',
    ended: false,
    next: ['waiting', 'phase', 'cancelled', 'complete'],
  },
  cancelled: { by: 'cancel', ended: true, next: ['complete', 'waiting'] },
  complete: { by: 'the last result', ended: true, next: ['waiting'] },
} as const;

/** The states of a job that has ended; `completed` is the word of some older scripts. */
export const endedStates: readonly string[] = [
  ...Object.entries(jobStates).flatMap(([state, { ended }]) => (ended ? [state] : [])),
  'completed',
];

import type { Document } from 'mongodb';
import type { Clock } from '../core/clock.js';
import { endedStates, expressionAllowing } from './job-state.js';
import { phases } from './phases.js';

/**
 * The fields that store when a job enters a phase, for a pipeline update: the first time counts. None for a state that is
 * not one of the phases, since a name that an agent chose must not become a field.
 * @param state the reported state
 */
export function noteEntered(clock: Pick<Clock, 'inDatabase'>, state: string): Document {
  const reported = state === 'allocated' ? 'allocate' : state;
  const phase = phases.find((one) => one === reported);
  if (phase === undefined) return {};
  const times = { $mergeObjects: [{ [phase]: clock.inDatabase }, '$phase_times'] };
  return {
    phase_times: {
      $cond: [expressionAllowing('enter_phase'), times, { $ifNull: ['$phase_times', '$$REMOVE'] }],
    },
  };
}

/**
 * The field that stores when a job ends, for a pipeline update. A job that has ended keeps its time: the final result of a
 * cancelled job does not change it.
 */
export function noteEnded(clock: Pick<Clock, 'inDatabase'>): Document {
  const hasEnded = { $in: ['$result_data.job_state', [...endedStates]] };
  return {
    ended_at: { $cond: [hasEnded, { $ifNull: ['$ended_at', '$$REMOVE'] }, clock.inDatabase] },
  };
}

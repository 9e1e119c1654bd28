import type { DepsOf } from '../core/core.js';
import { writeJson } from '../http/exact-json.js';
import { streamJson } from '../http/json-stream.js';
import { empty, type Reply } from '../http/reply.js';
import { stateAfter } from '../job/job-state.js';
import { phases } from '../job/phases.js';
import { holdJob } from '../leases/hold-job.js';
import { logTypes } from '../logs/log-fragment.js';
import { type LogOwner, readFragments } from '../logs/read-fragments.js';
import type { LogServices } from '../logs/services.js';
import { findWholeLog } from '../logs/small-logs.js';
import type { Principal } from '../principal/principal.js';
import { isJsonMap } from '../schema/set-own.js';
import { escapeText } from './get-log.js';

/** The fields of a result that contain log texts. */
const textFields = new Set(phases.flatMap((phase) => logTypes.map((type) => `${phase}_${type}`)));

/**
 * Returns the result of a job as one flat object, streamed: `<phase>_status`, `device_info`, `job_state`, and the log
 * texts as `<phase>_output` and `<phase>_serial` if they exist. The response is 204 if the job does not exist. For an
 * agent that lost the job, `job_state` is `cancelled`.
 */
export async function getResult(
  deps: Pick<LogServices, 'collections' | 'findSmallLog'> & DepsOf<typeof holdJob>,
  caller: Principal,
  jobId: string,
): Promise<Reply> {
  const { job, isLost } = await holdJob(deps, caller, jobId, { writes: false, withResult: true });
  if (job === undefined) return empty();
  // A stock agent stops when it reads this state.
  const result = isLost ? { ...job.result_data, job_state: stateAfter('cancel') } : job.result_data;
  return streamJson(resultPieces(deps, job, presentFields(result)));
}

function presentFields({ status, device_info, job_state }: Record<string, unknown>): Record<string, unknown> {
  const codes = isJsonMap(status) ? status : {};
  const statuses = phases
    .filter((phase) => codes[phase] != null)
    .map((phase) => [`${phase}_status`, codes[phase]]);
  return {
    ...(Object.fromEntries(statuses) as object),
    ...(device_info != null && { device_info }),
    ...(job_state != null && { job_state }),
  };
}

async function* resultPieces(
  deps: Pick<LogServices, 'collections' | 'findSmallLog'>,
  job: LogOwner,
  fields: Record<string, unknown>,
): AsyncGenerator<string> {
  yield writeJson(fields).slice(0, -1);
  const separator = Object.keys(fields).length > 0 ? ',' : '';
  let open = '';
  const fragments = (await findWholeLog(deps, job)) ?? readFragments(deps, job);
  for await (const { logType, phase, text } of fragments) {
    const field = `${phase}_${logType}`;
    if (!textFields.has(field)) continue;
    if (field !== open) {
      yield `${open === '' ? separator : '",'}"${field}":"`;
      open = field;
    }
    yield escapeText(text);
  }
  yield open === '' ? '}' : '"}';
}

import type { LogServices } from '../logs/services.js';
import type { DepsOf } from '../core/core.js';
import type { Principal } from '../principal/principal.js';
import { streamJson } from '../http/json-stream.js';
import { empty, type Reply } from '../http/reply.js';
import { isJsonMap } from '../schema/set-own.js';
import { stateAfter } from '../job/job-state.js';
import { holdJob } from '../leases/held-job.js';
import { escapeText } from './get-log.js';
import { phases } from '../job/phases.js';
import { logTypes } from '../logs/log-fragment.js';
import { type LogOwner, readFragments } from '../logs/read-fragments.js';

/** Names of the texts of logs in a result. */
const textFields = new Set(phases.flatMap((phase) => logTypes.map((type) => `${phase}_${type}`)));

/**
 * The result of a job as one flat object, streamed: `<phase>_status`, `device_info`, `job_state`, and the texts of the
 * logs as `<phase>_output` and `<phase>_serial` where there are any. 204 for a job that does not exist. An agent that
 * lost the job is told that it was cancelled.
 */
export async function getResult(
  deps: Pick<LogServices, 'collections'> & DepsOf<typeof holdJob>,
  caller: Principal,
  jobId: string,
): Promise<Reply> {
  const { job, isLost } = await holdJob(deps, caller, jobId, { writes: false, withResult: true });
  if (job === undefined) return empty();
  // By this a stock agent stops at its next look.
  const result = isLost ? { ...job.result_data, job_state: stateAfter('cancel') } : job.result_data;
  return streamJson(resultPieces(deps, job, presentFields(result)));
}

function presentFields({ status, device_info, job_state }: Record<string, unknown>): Record<string, unknown> {
  const codes = isJsonMap(status) ? status : {};
  const told = phases
    .filter((phase) => codes[phase] != null)
    .map((phase) => [`${phase}_status`, codes[phase]]);
  return {
    ...(Object.fromEntries(told) as object),
    ...(device_info != null && { device_info }),
    ...(job_state != null && { job_state }),
  };
}

async function* resultPieces(
  deps: Pick<LogServices, 'collections'>,
  job: LogOwner,
  fields: Record<string, unknown>,
): AsyncGenerator<string> {
  yield JSON.stringify(fields).slice(0, -1);
  const separator = Object.keys(fields).length > 0 ? ',' : '';
  let open = '';
  for await (const { logType, phase, text } of readFragments(deps, job)) {
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

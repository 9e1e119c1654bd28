import { jobStates } from '../job/job-state.js';
import { phases } from '../job/phases.js';
import { maskJson, maskText } from '../scrubbing/mask-input.js';
import { maskStrings } from '../scrubbing/mask-strings.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import type { ResultInput } from './result-input.js';

/** Values of the protocol. They are never masked, even if a secret has the same value. */
const protocolValues = new Set<string>([...phases, ...Object.keys(jobStates), 'completed', 'allocated']);

/**
 * Masks the secrets in the texts of a result, and in the numbers of `device_info`, but not the phases, exit codes and
 * states of the protocol.
 */
export function maskResult(
  { status, device_info: device, job_state: state }: ResultInput,
  masker: TextMasker | undefined,
): ResultInput {
  const mask = (text: string) => (protocolValues.has(text) ? text : maskText(text, masker));
  return {
    ...(status !== undefined && { status: maskStrings(status, mask) }),
    ...(device !== undefined && { device_info: maskJson(device, masker) }),
    ...(state !== undefined && { job_state: mask(state) }),
  };
}

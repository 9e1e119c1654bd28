import { jobStates } from '../job/job-state.js';
import { maskText } from '../scrubbing/mask-input.js';
import { maskStrings } from '../scrubbing/mask-strings.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { phases } from '../job/phases.js';
import type { ResultInput } from './result-input.js';

/** Words that agents and servers speak to each other: a secret of such a value is none. */
const knownWords = new Set<string>([...phases, ...Object.keys(jobStates), 'completed', 'allocated']);

/** A result whose texts hold no secret; the words of the protocol stay what they are. */
export function maskResult(
  { status, device_info: device, job_state: state }: ResultInput,
  masker: TextMasker | undefined,
): ResultInput {
  const mask = (text: string) => (knownWords.has(text) ? text : maskText(text, masker));
  return {
    ...(status !== undefined && { status: maskStrings(status, mask) }),
    ...(device !== undefined && { device_info: maskStrings(device, (text) => maskText(text, masker)) }),
    ...(state !== undefined && { job_state: mask(state) }),
  };
}

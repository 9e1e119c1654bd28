import type { Deps } from '../deps.js';
import type { HeldJob } from '../leases/held-job.js';
import { maskStrings } from './mask-strings.js';
import type { TextMasker } from './text-masker.js';
import { maskTokens } from './token-forms.js';

/** One text without the secrets of a job and without tokens of this server. */
export function maskText(text: string, masker: TextMasker | undefined): string {
  return masker === undefined ? maskTokens(text) : maskTokens(masker.mask(text), masker.mark);
}

/** What an agent sends, without tokens of this server and without the secrets of the job that it is about. */
export async function maskInput<T>({ jobMasks }: Deps, job: HeldJob | undefined, input: T): Promise<T> {
  const masker = job && (await jobMasks.find(job, job.lease?.attempt ?? 0));
  return maskStrings(input, (text) => maskText(text, masker));
}

/** The same where no job is known. */
export function maskTokensOf<T>(input: T): T {
  return maskStrings(input, (text) => maskTokens(text));
}

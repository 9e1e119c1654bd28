import type { ScrubbingServices } from './services.js';
import type { HeldJob } from '../job/held-job.js';
import { maskStrings } from './mask-strings.js';
import type { TextMasker } from './text-masker.js';
import { maskTokens } from './token-forms.js';

/** One text without the secrets of a job and without tokens of this server. */
export function maskText(text: string, masker: TextMasker | undefined): string {
  return masker === undefined ? maskTokens(text) : maskTokens(masker.mask(text), masker.mark);
}

/**
 * What masks the texts that an agent sends about a job: the secrets of the attempt that it has or lost, whatever the job
 * was submitted with since.
 */
export async function findMasker(
  { jobMasks }: Pick<ScrubbingServices, 'jobMasks'>,
  job: HeldJob | undefined,
  agent: string | undefined,
): Promise<TextMasker | undefined> {
  if (job === undefined) return undefined;
  const lost =
    job.lease?.holder === agent ? undefined : job.attempts?.findLast(({ holder }) => holder === agent);
  return (lost && (await jobMasks.findOf(job.job_id, lost.attempt))) ?? jobMasks.find(job);
}

/** Fields of what an agent sends about a job, every text in their values masked; the fields' names are the server's own. */
export function maskFields<T extends object>(input: T, masker: TextMasker | undefined): T {
  const mask = (text: string) => maskText(text, masker);
  return Object.fromEntries(
    Object.entries(input).map(([field, value]) => [field, maskStrings(value, mask)]),
  ) as T;
}

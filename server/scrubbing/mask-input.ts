import type { Long } from 'mongodb';
import type { HeldJob } from '../job/held-job.js';
import { maskStrings } from './mask-strings.js';
import { minFormLength } from './secret-forms.js';
import type { ScrubbingServices } from './services.js';
import type { TextMasker } from './text-masker.js';
import { maskTokens } from './token-forms.js';

/** Masks the secrets of a job, and tokens of this server, in one text. */
export function maskText(text: string, masker: TextMasker | undefined): string {
  return masker === undefined ? maskTokens(text) : maskTokens(masker.mask(text), masker.mark);
}

/** Masks the texts in any JSON value, and the numbers that are written like a secret. */
export function maskJson<T>(value: T, masker: TextMasker | undefined): T {
  return maskStrings(
    value,
    (text) => maskText(text, masker),
    (number) => maskNumber(number, masker),
  );
}

function maskNumber(number: number | Long, masker: TextMasker | undefined): string | number | Long {
  const text = String(number);
  return masker !== undefined && text.length >= minFormLength && masker.mask(text) === masker.mark
    ? masker.mark
    : number;
}

/**
 * Finds the masker for the texts that an agent sends about a job. It masks the secrets of the attempt that the agent
 * holds or lost, even if the job was submitted again since.
 */
export async function findMasker(
  { jobMasks }: Pick<ScrubbingServices, 'jobMasks'>,
  job: HeldJob | undefined,
  agent: string | undefined,
): Promise<TextMasker | undefined> {
  if (job === undefined) return undefined;
  const lost =
    job.lease?.holder === agent ? undefined : job.attempts?.findLast(({ holder }) => holder === agent);
  return (lost && (await jobMasks.findForAttempt(job.job_id, lost.attempt))) ?? jobMasks.find(job);
}

/**
 * Masks the field values of an agent's input as `maskJson` does. It does not mask the field names, which the server
 * defines.
 */
export function maskFields<T extends object>(input: T, masker: TextMasker | undefined): T {
  return Object.fromEntries(
    Object.entries(input).map(([field, value]) => [field, maskJson(value, masker)]),
  ) as T;
}

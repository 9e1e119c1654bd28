import type { Document } from 'mongodb';
import type { z } from 'zod';
import { bulkUpsert, liveWhenNew } from '../db/bulk-upsert.js';
import { ApiError } from '../errors/api-error.js';
import type { LeaseServices } from '../leases/services.js';
import { integer, object, text } from '../schema/schema.js';
import { agentErrors } from './errors.js';
import type { AgentServices } from './services.js';

/** Request body: the result of a job's provision. */
export const provisionLogInput = object({
  job_id: text(),
  exit_code: integer(),
  detail: text().optional(),
});

type ProvisionLogInput = z.output<typeof provisionLogInput>;

/** Maximum number of stored entries of an agent's provision log. */
const maxEntries = 100;

/** Milliseconds within which a report of the same job and exit code counts as a repetition of the same request. */
const repeatWindowMs = 60_000;

/**
 * Adds a provision to an agent's log, which keeps the last 100, and to its streak of passed or failed provisions. Each
 * of the two writes detects a repeated request itself, so a request that was interrupted between them can be repeated.
 * @returns the mark of the write to the agent's record
 * @throws ApiError 404 if no agent has this name; nothing is stored then
 */
export async function postProvisionLog(
  {
    collections,
    createWriteMark,
  }: Pick<LeaseServices, 'collections'> & Pick<AgentServices, 'collections' | 'createWriteMark'>,
  agent: string,
  input: ProvisionLogInput,
): Promise<string> {
  const mark = createWriteMark();
  const { matchedCount } = await collections.agents.updateOne({ name: agent }, updateStreak(input, mark));
  if (matchedCount === 0) throw new ApiError(agentErrors.notFound);
  await bulkUpsert(collections.provisionLogs, [
    { updateOne: { filter: { name: agent }, update: updateLog(input), upsert: true } },
  ]);
  return mark;
}

/** Updates an agent's streak. It is one atomic update, so that concurrent reports are all counted. */
function updateStreak(input: ProvisionLogInput, mark: string): Document[] {
  const outcome = input.exit_code === 0 ? 'pass' : 'fail';
  const entry = { ...asEntry(input, ['job_id', 'exit_code']), at: '$$NOW' };
  const isRepeated = hasSameProvision(input, '$recent_provisions', 'at');
  const recent = {
    $filter: {
      input: { $ifNull: ['$recent_provisions', []] },
      cond: { $gt: ['$$this.at', repeatWindowStart] },
    },
  };
  const count = {
    $cond: [
      { $eq: ['$provision_streak_type', outcome] },
      { $add: [{ $ifNull: ['$provision_streak_count', 0] }, 1] },
      1,
    ],
  };
  const keepIfRepeated = (kept: string, next: unknown) => ({ $cond: [isRepeated, kept, next] });
  return [
    { $set: { recent_provisions: recent } },
    {
      $set: {
        provision_streak_type: keepIfRepeated('$provision_streak_type', outcome),
        provision_streak_count: keepIfRepeated('$provision_streak_count', count),
        recent_provisions: keepIfRepeated('$recent_provisions', append('$recent_provisions', entry)),
        updated_at: '$$NOW',
        write_mark: { $literal: mark },
        revision: { $add: [{ $ifNull: ['$revision', 0] }, 1] },
      },
    },
  ];
}

function updateLog(input: ProvisionLogInput): Document[] {
  const entry = { ...asEntry(input, ['job_id', 'exit_code', 'detail']), timestamp: '$$NOW' };
  const log = { $ifNull: ['$provision_log', []] };
  const next = { $cond: [hasSameProvision(input, log, 'timestamp'), log, append(log, entry)] };
  return [{ $set: { live: liveWhenNew, provision_log: next } }];
}

const repeatWindowStart = { $subtract: ['$$NOW', repeatWindowMs] };

/** Quotes an agent's values as literals, because MongoDB would read a text that begins with `$` as a field name. */
function asEntry(input: ProvisionLogInput, fields: readonly (keyof ProvisionLogInput)[]): Document {
  const given = fields.filter((field) => input[field] !== undefined);
  return Object.fromEntries(given.map((field) => [field, { $literal: input[field] }]));
}

function append(list: unknown, entry: Document): Document {
  return { $slice: [{ $concatArrays: [list, [entry]] }, -maxEntries] };
}

/**
 * An expression: whether a list has an entry of the same job and exit code from the last minute, by its `timeField`.
 */
function hasSameProvision(
  { job_id, exit_code }: ProvisionLogInput,
  list: unknown,
  timeField: string,
): Document {
  const isSame = {
    $and: [
      { $eq: ['$$this.job_id', { $literal: job_id }] },
      { $eq: ['$$this.exit_code', exit_code] },
      { $gt: [`$$this.${timeField}`, repeatWindowStart] },
    ],
  };
  return { $gt: [{ $size: { $filter: { input: list, cond: isSame } } }, 0] };
}

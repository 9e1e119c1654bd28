import type { LeaseServices } from '../leases/services.js';
import type { AgentServices } from './services.js';
import { agentErrors } from './errors.js';
import type { Document } from 'mongodb';
import type { z } from 'zod';
import { bulkUpsert, liveWhenNew } from '../db/bulk-upsert.js';
import { ApiError } from '../errors/api-error.js';
import { integer, object, text } from '../schema/schema.js';

/** How the provision for a job ended. */
export const provisionLogInput = object({
  job_id: text(),
  exit_code: integer(),
  detail: text().optional(),
});

type ProvisionLogInput = z.output<typeof provisionLogInput>;

/** Entries of an agent's provision log that are kept. */
const entriesKept = 100;

/** Milliseconds within which the same job and exit code are the same provision, told again for want of an answer. */
const repeatMs = 60_000;

/**
 * Adds a provision to an agent's log, of which the last 100 are kept, and to its streak of those that passed or failed.
 * Each of the two writes knows a repeat by itself, so that one which was cut off between them is completed by the next.
 * @throws ApiError 404 when no agent has this name; nothing is stored then.
 */
export async function postProvisionLog(
  { collections }: Pick<LeaseServices, 'collections'> & Pick<AgentServices, 'collections'>,
  agent: string,
  input: ProvisionLogInput,
): Promise<void> {
  const { matchedCount } = await collections.agents.updateOne({ name: agent }, updateStreak(input));
  if (matchedCount === 0) throw new ApiError(agentErrors.notFound);
  await bulkUpsert(collections.provisionLogs, [
    { updateOne: { filter: { name: agent }, update: updateLog(input), upsert: true } },
  ]);
}

/** One update, so that provisions which are told at once are all counted. */
function updateStreak(input: ProvisionLogInput): Document[] {
  const outcome = input.exit_code === 0 ? 'pass' : 'fail';
  const entry = { ...asEntry(input, ['job_id', 'exit_code']), at: '$$NOW' };
  const isRepeated = holdsSame(input, '$recent_provisions', 'at');
  const recent = {
    $filter: {
      input: { $ifNull: ['$recent_provisions', []] },
      cond: { $gt: ['$$this.at', repeatsSince] },
    },
  };
  const count = {
    $cond: [
      { $eq: ['$provision_streak_type', outcome] },
      { $add: [{ $ifNull: ['$provision_streak_count', 0] }, 1] },
      1,
    ],
  };
  const unlessRepeated = (kept: string, next: unknown) => ({ $cond: [isRepeated, kept, next] });
  return [
    { $set: { recent_provisions: recent } },
    {
      $set: {
        provision_streak_type: unlessRepeated('$provision_streak_type', outcome),
        provision_streak_count: unlessRepeated('$provision_streak_count', count),
        recent_provisions: unlessRepeated('$recent_provisions', append('$recent_provisions', entry)),
        updated_at: '$$NOW',
      },
    },
  ];
}

function updateLog(input: ProvisionLogInput): Document[] {
  const entry = { ...asEntry(input, ['job_id', 'exit_code', 'detail']), timestamp: '$$NOW' };
  const log = { $ifNull: ['$provision_log', []] };
  const next = { $cond: [holdsSame(input, log, 'timestamp'), log, append(log, entry)] };
  return [{ $set: { live: liveWhenNew, provision_log: next } }];
}

const repeatsSince = { $subtract: ['$$NOW', repeatMs] };

/** What an agent tells stands as literals, since a text that begins with a dollar would name a field. */
function asEntry(input: ProvisionLogInput, fields: readonly (keyof ProvisionLogInput)[]): Document {
  const given = fields.filter((field) => input[field] !== undefined);
  return Object.fromEntries(given.map((field) => [field, { $literal: input[field] }]));
}

function append(list: unknown, entry: Document): Document {
  return { $slice: [{ $concatArrays: [list, [entry]] }, -entriesKept] };
}

/** Whether a list holds an entry of the same job and exit code whose time, in `timeField`, is within the last minute. */
function holdsSame({ job_id, exit_code }: ProvisionLogInput, list: unknown, timeField: string): Document {
  const isSame = {
    $and: [
      { $eq: ['$$this.job_id', { $literal: job_id }] },
      { $eq: ['$$this.exit_code', exit_code] },
      { $gt: [`$$this.${timeField}`, repeatsSince] },
    ],
  };
  return { $gt: [{ $size: { $filter: { input: list, cond: isSame } } }, 0] };
}

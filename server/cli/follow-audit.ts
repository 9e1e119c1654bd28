import { setTimeout as wait } from 'node:timers/promises';
import { CliError, RefusedError } from './cli-error.js';
import { printToStderr } from './print.js';

/** An event as `GET /v1/audit` returns it. */
export interface ShownEvent {
  id: string;
  at: string;
  event: string;
  outcome: string;
  actor?: string;
  actor_kind: string;
  source?: string;
  target?: string;
  reason?: string;
  detail?: { changed?: string[]; key_id?: string; owner?: string; change?: string };
  count?: number;
}

/** Seconds between two requests of `--follow`. */
const followSeconds = 2;

/**
 * Milliseconds that `--follow` asks for again: the event of another process can be stored later than one that happened
 * after it.
 */
const overlapMs = 10_000;

/** Maximum number of events of one request. */
export const pageSize = 1000;

/** Requests events with the filters of the command and some more. */
export type Find = (more: Record<string, string>) => Promise<ShownEvent[]>;

/** Shows the events that come after the first ones, the newest of which is the first in the list; never ends. */
export async function followEvents(
  find: Find,
  { first, wantedSince }: { first: readonly ShownEvent[]; wantedSince: number },
  show: (events: readonly ShownEvent[]) => void,
): Promise<never> {
  let newest = first[0];
  let seen = new Set(first.map(({ id }) => id));
  for (let isFirst = true; ; isFirst = false) {
    const from = newest === undefined ? undefined : Date.parse(newest.at) - overlapMs;
    const events = await untilAnswered(() =>
      find({
        ...(from !== undefined && from > wantedSince && { since: new Date(from).toISOString() }),
        limit: String(pageSize),
      }),
    );
    // What follows the oldest of the events that were shown was left out by the limit: it is not new.
    const oldest = isFirst ? events.findIndex(({ id }) => id === first.at(-1)?.id) : -1;
    const fresh = events.filter(({ id }, n) => !seen.has(id) && (oldest < 0 || n < oldest));
    if (fresh.length > 0) show(fresh);
    seen = new Set(events.map(({ id }) => id));
    newest = events[0] ?? newest;
    await wait(followSeconds * 1000);
  }
}

/** Tries again while the server is away, such as during a restart. @throws RefusedError for an answer that will not change */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let isReported = false; ; isReported = true) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof CliError) || (error instanceof RefusedError && error.status < 500)) throw error;
      if (!isReported) printToStderr(`${error.message}; trying again every ${followSeconds} s`);
    }
    await wait(followSeconds * 1000);
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { ApiClient } from './api-client.js';
import { CliError, RefusedError, UsageError } from './cli-error.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { presentSafely, print, printToStderr } from './print.js';
import { printTable } from './print-table.js';

/** An event as `GET /v1/audit` returns it. */
interface ShownEvent {
  id: string;
  at: string;
  event: string;
  outcome: string;
  actor?: string;
  actor_kind: string;
  source?: string;
  target?: string;
  reason?: string;
  count?: number;
}

interface AuditOptions {
  event?: string;
  actor?: string;
  target?: string;
  source?: string;
  outcome?: string;
  since?: string;
  until?: string;
  limit?: string;
  follow?: boolean;
}

/** Seconds between two requests of `--follow`. */
const followSeconds = 2;

/**
 * Milliseconds that `--follow` asks for again: the event of another process can be stored later than one that happened
 * after it.
 */
const overlapMs = 10_000;

/** Milliseconds after which the command logs in again; an access token is valid for ten minutes. */
const loginMs = 5 * 60_000;

/** Maximum number of events of one request. */
const pageSize = 1000;

/** Adds the `audit` command. */
export function addAuditCommand(program: Command): void {
  program
    .command('audit')
    .description('show who signed in, who changed what, and what was refused, the newest last (admins only)')
    .option('--event <name>', 'only events of this name, such as authn_login_fail or user_updated')
    .option('--actor <client>', 'only what this client did')
    .option('--target <id>', 'only what was done to this client, queue, job or secret')
    .option('--source <address>', 'only what came from this address')
    .addOption(new Option('--outcome <outcome>', 'only these').choices(['accepted', 'refused']))
    .option('--since <time>', 'only events from this time on, such as 2026-11-27T08:00Z')
    .option('--until <time>', 'only events before this time')
    .option('--limit <n>', 'the number of events, the newest ones', '100')
    .addOption(new Option('-f, --follow', 'go on, and show new events as they come').conflicts('until'))
    .addHelpText(
      'after',
      `
Examples:
  queuepass audit --outcome refused --since 2026-11-27
  queuepass audit --actor lab-ci --json | jq .event
  queuepass audit --follow`,
    )
    .action(showAudit);
}

async function showAudit(options: AuditOptions, command: Command): Promise<void> {
  const { follow, limit = '100', ...filters } = options;
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > pageSize)
    throw new UsageError(`--limit is a number from 1 to ${pageSize}; see: queuepass audit --help`);
  const connection = findConnection(command);
  let api = new ApiClient(connection);
  let loggedInAt = performance.now();
  const isJson = command.optsWithGlobals<GlobalOptions>().json === true;
  const find = (more: Record<string, string>) => {
    const query = new URLSearchParams({ ...withoutGlobals(filters), ...more });
    // Before the access token expires: `--follow` never ends.
    if (performance.now() - loggedInAt > loginMs) {
      api = new ApiClient(connection);
      loggedInAt = performance.now();
    }
    return api.getList<ShownEvent>(`/v1/audit?${query}`);
  };
  const first = await find({ limit });
  const show = (events: readonly ShownEvent[]) => {
    const inOrder = events.toReversed();
    if (isJson) printLines(inOrder);
    else if (follow) for (const event of inOrder) print(presentLine(event));
    else printEvents(inOrder);
  };
  show(first);
  if (!follow) return;
  await showNew(find, { first, wantedSince: Date.parse(filters.since ?? '') || 0 }, show);
}

type Find = (more: Record<string, string>) => Promise<ShownEvent[]>;

/** Shows the events that come after the first ones, the newest of which is the first in the list; never ends. */
async function showNew(
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

/** The options that are filters; commander adds those of the program. */
function withoutGlobals({
  event,
  actor,
  target,
  source,
  outcome,
  since,
  until,
}: AuditOptions): Record<string, string> {
  const filters = { event, actor, target, source, outcome, since, until };
  return Object.fromEntries(
    Object.entries(filters).filter((field): field is [string, string] => field[1] !== undefined),
  );
}

/** JSON lines, for programs. */
function printLines(events: readonly ShownEvent[]): void {
  for (const event of events) print(presentSafely(JSON.stringify(event)));
}

function printEvents(events: readonly ShownEvent[]): void {
  printTable(
    ['TIME', 'EVENT', 'OUTCOME', 'ACTOR', 'TARGET', 'SOURCE', 'REASON'],
    events.map(({ at, event, outcome, actor, target, source, reason, count }) => [
      at,
      event,
      count !== undefined && count > 1 ? `${outcome} x${count}` : outcome,
      actor,
      target,
      source,
      reason,
    ]),
  );
}

function presentLine({ at, event, outcome, actor, target, source, reason }: ShownEvent): string {
  const parts = [at, event, outcome, actor ?? '-', target ?? '-', source ?? '-', reason ?? ''];
  return presentSafely(parts.join('  ').trimEnd());
}

import { type Command, Option } from 'commander';
import { ApiClient } from './api-client.js';
import { UsageError } from './cli-error.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { followEvents, pageSize, type ShownEvent } from './follow-audit.js';
import { presentSafely, print } from './print.js';
import { printTable } from './print-table.js';

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

/** Milliseconds after which the command logs in again; an access token is valid for ten minutes. */
const loginMs = 5 * 60_000;

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
    const query = new URLSearchParams({ ...(filters as Record<string, string>), ...more });
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
  await followEvents(find, { first, wantedSince: Date.parse(filters.since ?? '') || 0 }, show);
}

/** JSON lines, for programs. */
function printLines(events: readonly ShownEvent[]): void {
  for (const event of events) print(presentSafely(JSON.stringify(event)));
}

function printEvents(events: readonly ShownEvent[]): void {
  printTable(
    ['TIME', 'EVENT', 'OUTCOME', 'ACTOR', 'TARGET', 'SOURCE', 'DETAIL'],
    events.map(({ at, event, outcome, actor, target, source, count, ...others }) => [
      at,
      event,
      count !== undefined && count > 1 ? `${outcome} x${count}` : outcome,
      actor,
      target,
      source,
      presentDetail(others),
    ]),
  );
}

/** Why an event was refused, or what it changed. */
function presentDetail({ reason, detail = {} }: Pick<ShownEvent, 'reason' | 'detail'>): string {
  const { changed, change, owner, key_id: key } = detail;
  if (reason !== undefined) return reason;
  if (changed !== undefined) return `changed ${changed.join(', ')}`;
  return owner === undefined ? (key === undefined ? '' : `key ${key}`) : `${change} ${owner}`;
}

function presentLine({ at, event, outcome, actor, target, source, ...others }: ShownEvent): string {
  const parts = [at, event, outcome, actor ?? '-', target ?? '-', source ?? '-', presentDetail(others)];
  return presentSafely(parts.join('  ').trimEnd());
}

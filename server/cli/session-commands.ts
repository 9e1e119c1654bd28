import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, CliError, ForeignResponseError } from './cli-error.js';
import { confirm } from './confirm.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson, printToStderr } from './print.js';
import { printTable } from './print-table.js';
import { readClaims } from './read-claims.js';

interface ShownSession {
  handle: string;
  client_id?: string;
  created_at: string;
  last_seen_at: string;
  source: string;
  user_agent: string | null;
}

/** Adds `list|end|clear` to the `session` command. */
export function addSessionCommands(session: Command): void {
  session
    .command('list')
    .description(
      'list the sessions of people who are signed in, the newest first: for an admin those of everybody, for others their own',
    )
    .option('--client <id>', 'only the sessions of this client')
    .action(listSessions);
  session
    .command('end <handle>')
    .description('end a session at once on all servers, by its handle in the list')
    .action(endSession);
  session
    .command('clear')
    .description(
      'end all sessions directly in the database, and forget which WEB_SECRET_KEY the servers have, so that they can start with another one',
    )
    .option('--yes', 'do not ask for confirmation at a terminal')
    .action(clearSessions);
}

async function listSessions({ client }: { client?: string }, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const { role } = readClaims(await api.getAccessToken()).permissions;
  const all = client === undefined && role === 'admin';
  const query = new URLSearchParams({
    ...(client !== undefined && { client_id: client }),
    ...(all && { all: 'true' }),
  });
  const sessions = await api.getList<ShownSession>(`/v1/sessions?${query}`).catch((error: unknown) => {
    // The access token shows that it is Queuepass, and without sign-in there is no such route.
    if (!(error instanceof ForeignResponseError && error.status === 404)) throw error;
    const { text } = api.connection.server;
    throw new CliError(`nobody can sign in to ${text}: see its OIDC_CLIENT_ID and LOCAL_SIGN_IN`);
  });
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(sessions);
  const owner = client ?? api.connection.credentials.clientId;
  const rows = sessions.map((one) => [
    one.handle,
    one.client_id ?? owner,
    one.created_at,
    one.last_seen_at,
    one.source,
    one.user_agent,
  ]);
  printTable(['SESSION', 'CLIENT', 'SIGNED IN', 'LAST SEEN', 'SOURCE', 'BROWSER'], rows);
}

async function endSession(handle: string, _options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  await api.send('DELETE', pathOf`/v1/sessions/${handle}`).catch(adviseOn(404, '(queuepass session list)'));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ handle, ended: true });
  print(`Ended the session ${handle}`);
}

async function clearSessions({ yes = false }: { yes?: boolean }, command: Command): Promise<void> {
  if (!yes) await confirm('End all sessions? Everybody who is signed in has to sign in again.');
  // Only this command loads the database driver, so that the others start faster.
  const { clearSessions: clear } = await import('../people/clear-sessions.js');
  const { storeOperatorEvent } = await import('../audit/operator-event.js');
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, printToStderr);
  try {
    const ended = await database.run(clear);
    const event = {
      event: 'session_ended',
      target: 'all sessions',
      detail: { session: 'all', ended: String(ended) },
    };
    await database.run((collections) => storeOperatorEvent(collections, event, database.auditDays));
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ ended });
    const count = `${ended} session${ended === 1 ? '' : 's'}`;
    print(`Ended ${count}. The servers can now start with another WEB_SECRET_KEY, the same for all of them`);
  } finally {
    await database.close();
  }
}

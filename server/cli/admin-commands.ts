import { existsSync, rmSync } from 'node:fs';
import type { Command } from 'commander';
import { serverKeyPrefix } from '../auth/client-key-format.js';
import { adminClientId } from '../clients/client-rights.js';
import type { AdminDatabase } from './admin-database.js';
import { CliError, UsageError } from './cli-error.js';
import type { GlobalOptions } from './find-connection.js';
import { print, printJson, printToStderr } from './print.js';

/** Adds `reset-key` and `set-key` to the `admin` command. */
export function addAdminCommands(admin: Command): void {
  admin
    .command('reset-key')
    .description(
      `create a new key for ${adminClientId} directly in the database, and revoke its earlier keys and tokens`,
    )
    .action(resetKey);
  admin
    .command('set-key')
    .description(
      `set a key of your choice for ${adminClientId} directly in the database, and revoke its earlier keys and tokens`,
    )
    .requiredOption('--stdin', 'read the key from standard input: at least 15 characters, at most 72 bytes')
    .action(setKey);
}

async function resetKey(options: GlobalOptions, command: Command): Promise<void> {
  const { resetAdminKey } = await import('../clients/admin-client.js');
  const { json } = command.optsWithGlobals<GlobalOptions>();
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, printToStderr);
  try {
    const key = await database.run(resetAdminKey);
    await endSessions(database);
    if (database.dataDir === undefined) {
      if (json) return printJson({ client_id: adminClientId, client_key: key });
      printToStderr(`The new key of ${adminClientId}, which is shown only once:`);
      return print(key);
    }
    const { writeFileDurably } = await import('../core/durable-file.js');
    const { adminKeyFile } = database.dataDir;
    writeFileDurably(adminKeyFile, `${key}\n`);
    if (json) return printJson({ client_id: adminClientId, admin_key_file: adminKeyFile });
    print(`The new key of ${adminClientId} is in ${adminKeyFile}`);
  } finally {
    await database.close();
  }
}

async function setKey(options: GlobalOptions, command: Command): Promise<void> {
  const key = await readKeyFromStdin();
  await checkKey(key);
  // Only these commands load bcrypt and the database driver, so that the others start faster.
  const { hash } = await import('bcryptjs');
  const { setAdminSecret } = await import('../clients/admin-client.js');
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, printToStderr);
  try {
    const digest = await hash(key, database.bcryptCost);
    const outcome = await database.run((collections) => setAdminSecret(collections, digest));
    await endSessions(database);
    if (database.dataDir !== undefined && existsSync(database.dataDir.adminKeyFile)) {
      rmSync(database.dataDir.adminKeyFile);
      printToStderr(`Removed ${database.dataDir.adminKeyFile}, which held the earlier key`);
    }
    if (command.optsWithGlobals<GlobalOptions>().json)
      return printJson({ client_id: adminClientId, outcome });
    print(outcome === 'created' ? 'Admin user created successfully' : 'Admin password updated successfully');
  } finally {
    await database.close();
  }
}

/** Ends the admin's sessions, and notes in the audit trail that the admin has a new key. */
async function endSessions({ run, auditDays }: AdminDatabase): Promise<void> {
  await run(({ sessions }) => sessions.deleteMany({ client_id: adminClientId }));
  const { storeOperatorEvent } = await import('../audit/operator-event.js');
  const event = { event: 'client_key_made', target: adminClientId };
  await run((collections) => storeOperatorEvent(collections, event, auditDays));
}

async function readKeyFromStdin(): Promise<string> {
  if (process.stdin.isTTY) printToStderr('Type the key (it is visible), then press Enter and Ctrl-D:');
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
    return text.replace(/\r?\n$/, '');
  } catch {
    throw new CliError('the key on standard input is not valid UTF-8');
  }
}

/**
 * Checks the rules of `client_secret`. A key also must not contain control characters, which a header cannot carry.
 * @throws CliError
 */
async function checkKey(key: string): Promise<void> {
  const { truncates } = await import('bcryptjs');
  if (key === '') {
    throw new UsageError('there is no key on standard input: queuepass admin set-key --stdin < FILE');
  }
  if (key.length < 15) throw new CliError('the key must have at least 15 characters');
  if (truncates(key))
    throw new CliError('the key must have at most 72 bytes, because bcrypt ignores the rest');
  if (key.startsWith(serverKeyPrefix)) {
    throw new CliError(
      `the key must not begin with ${serverKeyPrefix}, which is for keys that the server generates: use queuepass admin reset-key to generate one`,
    );
  }
  if (/[\x00-\x1f\x7f]/.test(key))
    throw new CliError('the key must be a single line without control characters');
}

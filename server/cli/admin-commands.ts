import { existsSync, rmSync } from 'node:fs';
import type { Command } from 'commander';
import { serverKeyPrefix } from '../auth/client-key-format.js';
import { adminClientId } from '../clients/client-rights.js';
import { CliError, UsageError } from './cli-error.js';
import type { GlobalOptions } from './find-connection.js';
import { print, printJson, tell } from './print.js';

/** Adds `reset-key` and `set-key` to the `admin` command. */
export function addAdminCommands(admin: Command): void {
  admin
    .command('reset-key')
    .description(`make a new key for ${adminClientId}, straight in the database; all that it had before ends`)
    .action(resetKey);
  admin
    .command('set-key')
    .description(
      `give ${adminClientId} a key of your own, straight in the database; all that it had before ends`,
    )
    .requiredOption('--stdin', 'read the key from standard input: 15 characters or more, 72 bytes at most')
    .action(setKey);
}

async function resetKey(options: GlobalOptions, command: Command): Promise<void> {
  const { resetAdminKey } = await import('../clients/admin-client.js');
  const { json } = command.optsWithGlobals<GlobalOptions>();
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, tell);
  try {
    const key = await database.run(resetAdminKey);
    if (database.dataDir === undefined) {
      if (json) return printJson({ client_id: adminClientId, client_key: key });
      tell(`The key of ${adminClientId}, which is shown this once:`);
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
  // Loaded by these commands alone, as is the database driver: the others start faster.
  const { hash } = await import('bcryptjs');
  const { setAdminSecret } = await import('../clients/admin-client.js');
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, tell);
  try {
    const digest = await hash(key, database.bcryptCost);
    const outcome = await database.run((collections) => setAdminSecret(collections, digest));
    if (database.dataDir !== undefined && existsSync(database.dataDir.adminKeyFile)) {
      rmSync(database.dataDir.adminKeyFile);
      tell(`${database.dataDir.adminKeyFile} held the earlier key and is removed`);
    }
    if (command.optsWithGlobals<GlobalOptions>().json)
      return printJson({ client_id: adminClientId, outcome });
    print(outcome === 'created' ? 'Admin user created successfully' : 'Admin password updated successfully');
  } finally {
    await database.close();
  }
}

async function readKeyFromStdin(): Promise<string> {
  if (process.stdin.isTTY) tell('Type the key, which is shown as you type it, then Enter and Ctrl-D:');
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
    return text.replace(/\r?\n$/, '');
  } catch {
    throw new CliError('the key on standard input is no UTF-8 text');
  }
}

/** The rules of `client_secret`; a control character could not be sent in a header. @throws CliError */
async function checkKey(key: string): Promise<void> {
  const { truncates } = await import('bcryptjs');
  if (key === '') {
    throw new UsageError('there is no key on standard input: queuepass admin set-key --stdin < FILE');
  }
  if (key.length < 15) throw new CliError('the key must have 15 characters or more');
  if (truncates(key)) throw new CliError('the key must have 72 bytes or less, since bcrypt looks at no more');
  if (key.startsWith(serverKeyPrefix)) {
    throw new CliError(
      `the key must not begin with ${serverKeyPrefix}, as keys made by the server do: queuepass admin reset-key makes one`,
    );
  }
  if (/[\x00-\x1f\x7f]/.test(key)) throw new CliError('the key must be one line, without control characters');
}

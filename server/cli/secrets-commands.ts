import { readFileSync } from 'node:fs';
import { text as readStream } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Rotation } from '../secrets/rotate-data-keys.js';
import { openAdminDatabase } from './admin-database.js';
import { CliError, UsageError } from './cli-error.js';
import type { GlobalOptions } from './find-connection.js';
import { print, printJson, tell } from './print.js';

/** Adds `rotate-key` to the `secrets` command. */
export function addSecretsCommands(secrets: Command): void {
  secrets
    .command('rotate-key')
    .description(
      'seal the data key of the secrets with a new master key, straight in the key vault; no secret changes, and running servers go on',
    )
    .option('--new-key-file <file>', 'the file that holds the new master key (default: standard input)')
    .addHelpText(
      'after',
      '\nThe key in use is that of TESTFLINGER_SECRETS_MASTER_KEY or TESTFLINGER_SECRETS_MASTER_KEY_FILE.',
    )
    .action(rotateKey);
}

async function rotateKey(options: { newKeyFile?: string }, command: Command): Promise<void> {
  const oldKeys = await readOldKeys();
  const newKey = await readNewKey(options.newKeyFile);
  const [{ getKeyVault }, { rotateDataKeys }] = await Promise.all([
    import('../secrets/data-keys.js'),
    import('../secrets/rotate-data-keys.js'),
  ]);
  const database = await openAdminDatabase(placeOfKeyVault(process.env), tell);
  try {
    const rotation = await database.run((_, { client }) =>
      rotateDataKeys(getKeyVault(client), oldKeys, newKey),
    );
    checkDone(rotation);
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson(rotation);
    const { rewrapped, already } = rotation;
    print(`Data keys sealed with the new master key: ${rewrapped} now, ${already} before`);
    tell('Next: make it TESTFLINGER_SECRETS_MASTER_KEY of every server, for their next start.');
  } finally {
    await database.close();
  }
}

/** The keys that may be in use, from the settings of the server. */
async function readOldKeys(): Promise<Buffer[]> {
  const { readConfig } = await import('../areas.js');
  const needed = /^TESTFLINGER_SECRETS_/;
  const picked = Object.entries(process.env).filter(([name]) => needed.test(name));
  const { secretsMasterKey, secretsPreviousMasterKeys = [] } = readConfig(Object.fromEntries(picked));
  if (secretsMasterKey !== undefined) return [secretsMasterKey, ...secretsPreviousMasterKeys];
  throw new UsageError(
    'the master key in use is missing: set TESTFLINGER_SECRETS_MASTER_KEY or TESTFLINGER_SECRETS_MASTER_KEY_FILE as the server has it',
  );
}

/** A key vault on a server of its own takes the place of the database. */
function placeOfKeyVault(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { TESTFLINGER_KEY_VAULT_URI: uri, TESTFLINGER_KEY_VAULT_URI_FILE: file } = environment;
  if (uri) return { MONGODB_URI: uri };
  return file ? { MONGODB_URI_FILE: file } : environment;
}

async function readNewKey(file: string | undefined): Promise<Buffer> {
  const isStdin = file === undefined || file === '-';
  if (isStdin && process.stdin.isTTY) tell('Type the new master key, which is shown, then Enter and Ctrl-D:');
  const source = isStdin ? 'standard input' : file;
  const text = isStdin ? await readStream(process.stdin) : readFile(file);
  const { readMasterKey } = await import('../secrets/secrets-settings.js');
  const key = readMasterKey(text);
  if (key !== undefined) return key;
  throw new CliError(
    `there is no master key in ${source}: it is base64 of 96 bytes, as made by: openssl rand -base64 96`,
  );
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`the key file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function checkDone({ problem }: Rotation): void {
  if (problem === 'unopened') {
    throw new CliError(
      'neither TESTFLINGER_SECRETS_MASTER_KEY nor the new key opens the data key of the secrets: nothing was changed',
    );
  }
  if (problem === 'missing') {
    throw new CliError(
      'there is no data key of secrets in this MongoDB, so there is nothing to rotate: start the server with the new key, or name the right MongoDB in MONGODB_URI or TESTFLINGER_KEY_VAULT_URI',
    );
  }
}

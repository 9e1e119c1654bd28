import { readFileSync } from 'node:fs';
import { text as readStream } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Rotation } from '../secrets/rotate-data-keys.js';
import { openAdminDatabase } from './admin-database.js';
import { CliError, UsageError } from './cli-error.js';
import type { GlobalOptions } from './find-connection.js';
import { print, printJson, printToStderr } from './print.js';

/** Adds `rotate-key` to the `secrets` command. */
export function addSecretsCommands(secrets: Command): void {
  secrets
    .command('rotate-key')
    .description(
      'encrypt the data key of the secrets with a new master key, directly in the key vault; secrets do not change, and running servers keep working',
    )
    .option('--new-key-file <file>', 'the file that holds the new master key (default: standard input)')
    .addHelpText(
      'after',
      '\nSet TESTFLINGER_SECRETS_MASTER_KEY or TESTFLINGER_SECRETS_MASTER_KEY_FILE to the master key in use.',
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
  const database = await openAdminDatabase(pickKeyVaultSettings(process.env), printToStderr);
  try {
    const rotation = await database.run((_, { client }) =>
      rotateDataKeys(getKeyVault(client), oldKeys, newKey),
    );
    checkRotation(rotation);
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson(rotation);
    const { rewrapped, already } = rotation;
    print(`Data keys sealed with the new master key: ${rewrapped} now, ${already} before`);
    printToStderr(
      'Next: set TESTFLINGER_SECRETS_MASTER_KEY of every server to the new key before its next start.',
    );
  } finally {
    await database.close();
  }
}

/** Reads the master keys that may be in use from the server's settings. @throws UsageError if there is none */
async function readOldKeys(): Promise<Buffer[]> {
  const { readConfig } = await import('../areas.js');
  const needed = /^TESTFLINGER_SECRETS_/;
  const picked = Object.entries(process.env).filter(([name]) => needed.test(name));
  const { secretsMasterKey, secretsPreviousMasterKeys = [] } = readConfig(Object.fromEntries(picked));
  if (secretsMasterKey !== undefined) return [secretsMasterKey, ...secretsPreviousMasterKeys];
  throw new UsageError(
    "the master key in use is missing: set TESTFLINGER_SECRETS_MASTER_KEY or TESTFLINGER_SECRETS_MASTER_KEY_FILE as in the server's settings",
  );
}

/** Returns settings that name the MongoDB of the key vault, if it is on another server than the data. */
function pickKeyVaultSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { TESTFLINGER_KEY_VAULT_URI: uri, TESTFLINGER_KEY_VAULT_URI_FILE: file } = environment;
  if (uri) return { MONGODB_URI: uri };
  return file ? { MONGODB_URI_FILE: file } : environment;
}

async function readNewKey(file: string | undefined): Promise<Buffer> {
  const isStdin = file === undefined || file === '-';
  if (isStdin && process.stdin.isTTY)
    printToStderr('Type the new master key (it is visible), then press Enter and Ctrl-D:');
  const source = isStdin ? 'standard input' : file;
  const text = isStdin ? await readStream(process.stdin) : readFile(file);
  const { readMasterKey } = await import('../secrets/setting-readers.js');
  const key = readMasterKey(text);
  if (key !== undefined) return key;
  throw new CliError(
    `there is no master key in ${source}: it must be base64 of 96 bytes, as created by: openssl rand -base64 96`,
  );
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`the key file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function checkRotation({ problem }: Rotation): void {
  if (problem === 'unopened') {
    throw new CliError(
      'neither TESTFLINGER_SECRETS_MASTER_KEY nor the new key opens the data key of the secrets: nothing was changed',
    );
  }
  if (problem === 'missing') {
    throw new CliError(
      'there is no data key of secrets in this MongoDB, so there is nothing to rotate: start the server with the new key, or set MONGODB_URI or TESTFLINGER_KEY_VAULT_URI to the right MongoDB',
    );
  }
}

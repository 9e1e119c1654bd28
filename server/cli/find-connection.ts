import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { adminClientId } from '../clients/client-rights.js';
import { findText } from '../core/durable-file.js';
import { type DataDir, locateDataDir } from '../process/data-dir.js';
import { CliError, UsageError } from './cli-error.js';
import { readServerAddress, type ServerAddress } from './server-address.js';

/** The default of QUEUEPASS_DATA_DIR, as in `config.ts`, which takes long to load; a test compares them. */
export const defaultDataDir = '.queuepass';

/** Options that every command takes. */
export interface GlobalOptions {
  server?: string;
  clientId?: string;
  clientKeyFile?: string;
  json?: boolean;
}

/** Who a command is, and where its key was found. */
interface Credentials {
  clientId: string;
  clientKey: string;
  /** For error texts: never the key itself. */
  source: string;
}

/** The server that a command speaks to, and as whom. */
export interface Connection {
  server: ServerAddress;
  credentials: Credentials;
}

/**
 * Finds server and credentials: options first, then the environment, then the data folder of a server on this machine.
 * @throws UsageError when something is missing, CliError when a file cannot be read.
 */
export function findConnection(command: Command): Connection {
  const options = command.optsWithGlobals<GlobalOptions>();
  const dataDir = locateDataDir(process.env.QUEUEPASS_DATA_DIR || defaultDataDir);
  const local = findText(dataDir.serverUrlFile);
  const named = options.server ?? (process.env.QUEUEPASS_SERVER || undefined);
  const text = named ?? local;
  if (text === undefined) {
    throw new UsageError(
      `no server is named, and none runs on ${dataDir.path}: start one with npm start, or name one with --server URL or QUEUEPASS_SERVER`,
    );
  }
  const server = readServerAddress(text);
  const isLocal = local !== undefined && text.replace(/\/+$/, '') === local;
  return { server, credentials: findOwnCredentials(options) ?? findAdminCredentials(dataDir, isLocal) };
}

function findOwnCredentials(options: GlobalOptions): Credentials | undefined {
  const clientId = options.clientId ?? (process.env.QUEUEPASS_CLIENT_ID || undefined);
  const key = findKey(options);
  if (clientId === undefined && key === undefined) return undefined;
  if (key === undefined) {
    throw new UsageError(
      `the key of the client ${clientId} is missing: --client-key-file FILE, QUEUEPASS_CLIENT_KEY_FILE or QUEUEPASS_CLIENT_KEY`,
    );
  }
  if (clientId === undefined) {
    throw new UsageError('there is a key, but no client: add --client-id ID or QUEUEPASS_CLIENT_ID');
  }
  return { clientId, ...key };
}

function findKey({ clientKeyFile }: GlobalOptions): Omit<Credentials, 'clientId'> | undefined {
  if (clientKeyFile !== undefined) return readKeyFile(clientKeyFile);
  const { QUEUEPASS_CLIENT_KEY: given, QUEUEPASS_CLIENT_KEY_FILE: file } = process.env;
  if (given && file) {
    throw new UsageError('leave out QUEUEPASS_CLIENT_KEY or QUEUEPASS_CLIENT_KEY_FILE: both are set');
  }
  if (given) return { clientKey: given, source: 'QUEUEPASS_CLIENT_KEY' };
  return file ? readKeyFile(file) : undefined;
}

function readKeyFile(file: string): Omit<Credentials, 'clientId'> {
  const source = file === '-' ? 'standard input' : file;
  let clientKey: string;
  try {
    clientKey = readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new CliError(`the key file ${source} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (clientKey === '') throw new CliError(`there is no key in ${source}: it is empty`);
  return { clientKey, source };
}

/** The admin key is for the server of its own folder: no other is ever shown it. */
function findAdminCredentials({ adminKeyFile, path }: DataDir, isLocal: boolean): Credentials {
  const clientKey = isLocal ? findText(adminKeyFile) : undefined;
  if (clientKey) return { clientId: adminClientId, clientKey, source: adminKeyFile };
  const reason = isLocal ? `${adminKeyFile} holds no key` : `the key in ${path} is for its own server only`;
  throw new UsageError(
    `name a client with --client-id ID and --client-key-file FILE (or QUEUEPASS_CLIENT_ID and QUEUEPASS_CLIENT_KEY_FILE): ${reason}`,
  );
}

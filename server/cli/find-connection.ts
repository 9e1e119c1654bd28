import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { adminClientId } from '../clients/client-rights.js';
import { findText } from '../core/durable-file.js';
import { type DataDir, locateDataDir } from '../process/data-dir.js';
import { CliError, UsageError } from './cli-error.js';
import { readServerAddress, type ServerAddress } from './server-address.js';

/** The default of QUEUEPASS_DATA_DIR. A copy, because the settings take long to load; a test compares the two. */
export const defaultDataDir = '.queuepass';

/** The options of every command. */
export interface GlobalOptions {
  server?: string;
  clientId?: string;
  clientKeyFile?: string;
  json?: boolean;
}

/** The client that a command acts as, and where its key was found. */
interface Credentials {
  clientId: string;
  clientKey: string;
  /** The key's file or environment variable, for error texts, which never show the key itself. */
  source: string;
}

/** The server that a command connects to, and the client that it acts as. */
export interface Connection {
  server: ServerAddress;
  credentials: Credentials;
}

/**
 * Finds the server and the credentials: first in the options, then in the environment, then in the data directory of a
 * server on this machine.
 * @throws UsageError if something is missing, CliError if a file cannot be read
 */
export function findConnection(command: Command): Connection {
  const options = command.optsWithGlobals<GlobalOptions>();
  const dataDir = locateDataDir(process.env.QUEUEPASS_DATA_DIR || defaultDataDir);
  const local = findText(dataDir.serverUrlFile);
  const named = options.server ?? (process.env.QUEUEPASS_SERVER || undefined);
  const text = named ?? local;
  if (text === undefined) {
    throw new UsageError(
      `no server is named, and no server uses ${dataDir.path}: start one with npm start, or name one with --server URL or QUEUEPASS_SERVER`,
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
      `the key of the client ${clientId} is missing: add --client-key-file FILE, or set QUEUEPASS_CLIENT_KEY_FILE or QUEUEPASS_CLIENT_KEY`,
    );
  }
  if (clientId === undefined) {
    throw new UsageError('there is a key, but no client: add --client-id ID, or set QUEUEPASS_CLIENT_ID');
  }
  return { clientId, ...key };
}

function findKey({ clientKeyFile }: GlobalOptions): Omit<Credentials, 'clientId'> | undefined {
  if (clientKeyFile !== undefined) return readKeyFile(clientKeyFile);
  const { QUEUEPASS_CLIENT_KEY: given, QUEUEPASS_CLIENT_KEY_FILE: file } = process.env;
  if (given && file) {
    throw new UsageError('set only one of QUEUEPASS_CLIENT_KEY and QUEUEPASS_CLIENT_KEY_FILE: both are set');
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

/** Finds the admin key of the data directory. It is sent only to the server of that directory, never to another one. */
function findAdminCredentials({ adminKeyFile, path }: DataDir, isLocal: boolean): Credentials {
  const clientKey = isLocal ? findText(adminKeyFile) : undefined;
  if (clientKey) return { clientId: adminClientId, clientKey, source: adminKeyFile };
  const reason = isLocal ? `${adminKeyFile} holds no key` : `the key in ${path} is for its own server only`;
  throw new UsageError(
    `name a client with --client-id ID and --client-key-file FILE (or QUEUEPASS_CLIENT_ID and QUEUEPASS_CLIENT_KEY_FILE): ${reason}`,
  );
}

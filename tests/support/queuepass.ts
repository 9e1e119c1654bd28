import { spawn } from 'node:child_process';
import { makeClientKey } from '../../server/clients/client-keys.js';
import type { ClientRecord } from '../../server/principal/client-record.js';
import { queuepassCommand } from './build-server.js';
import { addClient } from './clients.js';
import { makeFolder } from './own-mongod.js';
import type { TestServer } from './start-server.js';

/** The exit status and output of one run of the command. */
export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Options of a run, besides the arguments. */
export interface RunOptions {
  environment?: NodeJS.ProcessEnv;
  cwd?: string;
  stdin?: string | Buffer;
}

/** Runs the `queuepass` command in its own process, without the settings of this process. */
export function runQueuepass(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { environment = {}, cwd = makeFolder(), stdin = '' } = options;
  const { PATH, HOME, TMPDIR, MONGOMS_SYSTEM_BINARY } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [queuepassCommand, ...args], {
      cwd,
      env: { PATH, HOME, TMPDIR, MONGOMS_SYSTEM_BINARY, ...environment },
    });
    const run: Run = { status: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (run.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (run.stderr += text));
    // A command that does not read its input can end before the input is written.
    child.stdin.on('error', () => undefined).end(stdin);
    child.once('error', reject).once('close', (status) => resolve({ ...run, status }));
  });
}

/** Adds a client with a server-made key. Returns the environment with which the command acts as that client. */
export async function addActor(
  server: TestServer,
  role: string,
  id = `the-${role}`,
  record: Partial<ClientRecord> = {},
): Promise<{ environment: NodeJS.ProcessEnv; key: string }> {
  await addClient(server, { client_id: id, role, ...record });
  const { client_key: key } = await makeClientKey(server.deps, id);
  return {
    key,
    environment: { QUEUEPASS_SERVER: server.url, QUEUEPASS_CLIENT_ID: id, QUEUEPASS_CLIENT_KEY: key },
  };
}

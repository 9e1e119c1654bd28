import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { builtServer } from './build-server.js';
import { makeFolder, removeFolder, waitUntil } from './own-mongod.js';
import { endProcessesOf } from './processes-of.js';

/** The command that runs the server. */
export const serverCommand: readonly string[] = [process.execPath, builtServer];

/** A server in its own process, as an operator runs it. */
export interface ServerProcess {
  child: ChildProcess;
  /** The working directory. The data directory is `.queuepass` in it. */
  folder: string;
  dataDir: string;
  /** The URL that it printed at its start. */
  readonly url: string;
  /** The output to the terminal (stderr) and the log (stdout) so far. */
  stderr(): string;
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** Options of a server process. */
export interface ServerProcessOptions {
  folder?: string;
  settings?: Record<string, string>;
  /** A command to run instead of the server's own. */
  command?: readonly string[];
  /** File descriptors from 3 on. */
  descriptors?: number[];
  /** Whether the test writes to the process's standard input. */
  input?: boolean;
}

/**
 * Makes the environment of a server: the variables needed to find programs, and the given settings. Nothing else is
 * inherited.
 */
function makeEnvironment(settings: Record<string, string> = {}): Record<string, string> {
  const { PATH, HOME, TMPDIR, MONGOMS_SYSTEM_BINARY } = process.env;
  const kept = { PATH, HOME, TMPDIR, MONGOMS_SYSTEM_BINARY };
  const given = Object.entries(kept).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(given), PORT: '0', METRICS_PORT: '0', BCRYPT_COST: '4', ...settings };
}

/** The running processes with their directories. */
const running = new Map<ChildProcess, string>();

/** The owner of a process or server, which stops it: a test, or a script without ava's `t`. */
export type Owner = Pick<ExecutionContext, 'teardown'>;

/**
 * Starts the process without waiting for it. At the end of the test it is killed, with all processes that it started.
 */
export function spawnServer(t: Owner, options: ServerProcessOptions = {}): ServerProcess {
  const folder = options.folder ?? makeFolder();
  const [program = '', ...rest] = options.command ?? serverCommand;
  const child = spawn(program, rest, {
    cwd: folder,
    env: makeEnvironment(options.settings),
    stdio: [options.input ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(options.descriptors ?? [])],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => done({ code, signal }));
  });
  // On a terminal both outputs arrive on one stream.
  const url = () => /listens on (\S+)\s/.exec(texts.stderr + texts.stdout)?.[1] ?? '';
  running.set(child, folder);
  void exited.catch(() => undefined).finally(() => running.delete(child));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited.catch(() => undefined);
    // Another server of this test may still use the same directory. Its teardown runs next.
    if ([...running.values()].includes(folder)) return;
    const left = await endProcessesOf(folder);
    if (left.length > 0) throw new Error(`left running: ${left.join(', ')}`);
    removeFolder(join(folder, '.queuepass'));
  });
  return {
    child,
    folder,
    dataDir: join(folder, '.queuepass'),
    get url() {
      return url();
    },
    stderr: () => texts.stderr,
    stdout: () => texts.stdout,
    kill: (signal) => void child.kill(signal),
    exited,
    request: (path, init) => fetch(url() + path, { signal: AbortSignal.timeout(60_000), ...init }),
  };
}

/** Starts the process and waits until it listens. @throws Error with its output if it ends before that. */
export async function startServerProcess(
  t: Owner,
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const server = spawnServer(t, options);
  await waitUntil(() => {
    if (server.child.exitCode !== null || server.child.signalCode !== null) {
      throw new Error(`the server ended: ${server.stderr()}`);
    }
    return server.url !== '';
  });
  return server;
}

/** Runs a server that must fail to start with status 1, and returns the one error line that it prints. */
export async function readStartFailure(
  t: ExecutionContext,
  options: ServerProcessOptions = {},
): Promise<string> {
  const server = spawnServer(t, options);
  const { code } = await server.exited;
  t.is(code, 1, server.stderr());
  const lines = server.stderr().trim().split('\n');
  const errors = lines.filter((line) => line.startsWith('queuepass: '));
  t.is(errors.length, 1, server.stderr());
  t.false(/^\s+at /m.test(server.stderr()), 'no stack');
  return errors[0] as string;
}

/** Logs in on Testflinger's own route, as the built-in admin unless another client is named. */
export function grant(server: ServerProcess, key: string, clientId = 'testflinger-admin'): Promise<Response> {
  return server.request(`/v1/authenticate/token/${clientId}`, { headers: { 'client-key': key } });
}

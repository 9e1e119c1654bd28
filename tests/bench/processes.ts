import { spawn } from 'node:child_process';
import { Pool } from 'undici';

/** A server process under load, and a pool of connections to it. */
export interface Target {
  url: string;
  pool: Pool;
  pid: number;
  /** Warnings of Node, such as listeners that are never removed. */
  warnings: string[];
  stop(): void;
}

/**
 * Starts a program in a process of its own, as users run it, and resolves when it prints the address that it listens on.
 * @param signal kills the program when it is aborted, also while the program starts
 */
export async function startTarget(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<Target> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    killSignal: 'SIGKILL',
    ...(signal && { signal }),
  });
  const warnings: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    warnings.push(...text.split('\n').filter((line) => line.includes('Warning: ')));
  });
  const url = await new Promise<string>((done, failed) => {
    let output = '';
    // An abort after the start is reported here as well, so the listener stays.
    child.on('error', failed);
    child.once('exit', (code) => failed(new Error(`ended with ${code}: ${output}`)));
    child.stderr.on('data', (data) => {
      output += data;
      const found = /listens on (\S+)/.exec(output)?.[1];
      if (found) done(found);
    });
  });
  const pool = new Pool(url, { connections: 128, pipelining: 1 });
  return { url, pool, pid: child.pid as number, warnings, stop: () => child.kill('SIGKILL') };
}

/** A response: its status, its body as text, and the cookies that it sets. */
export interface Received {
  status: number;
  text: string;
  setCookie: string | string[] | undefined;
}

/** One request and its response. @throws Error for a status other than `expected`. */
export async function send(
  { pool }: Target,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Received> {
  const answer = await pool.request({ method, path, headers, ...(body !== undefined && { body }) });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
  return { status: answer.statusCode, text, setCookie: answer.headers['set-cookie'] };
}

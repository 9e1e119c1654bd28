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

/** Starts a program in its own process, as users do. The program prints the URL on which it listens. */
export async function startTarget(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Target> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const warnings: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    warnings.push(...text.split('\n').filter((line) => line.includes('Warning: ')));
  });
  const url = await new Promise<string>((done, failed) => {
    let output = '';
    child.once('exit', (code) => failed(new Error(`exited with ${code}: ${output}`)));
    child.stderr.on('data', (data) => {
      output += data;
      const found = /listens on (\S+)/.exec(output)?.[1];
      if (found) done(found);
    });
  });
  const pool = new Pool(url, { connections: 128, pipelining: 1 });
  return { url, pool, pid: child.pid as number, warnings, stop: () => child.kill('SIGKILL') };
}

/** Sends one request and returns status and body. @throws Error if the status is 300 or higher. */
export async function send(
  { pool }: Target,
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<{ status: number; text: string }> {
  const answer = await pool.request({ method, path, headers, ...(body !== undefined && { body }) });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
  return { status: answer.statusCode, text };
}

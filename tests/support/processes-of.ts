import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Lists the processes whose command line names a path inside `folder`: `{pid, command}`. */
export async function listProcessesOf(folder: string): Promise<{ pid: number; command: string }[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,args='], {
    maxBuffer: 2 ** 24,
  });
  return stdout
    .split('\n')
    .filter((line) => line.includes(`${folder}/`))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }))
    .filter(({ pid }) => pid !== process.pid);
}

/**
 * Waits up to 12 s for the processes of `folder` to end, kills those that still run, and returns their command lines.
 */
export async function endProcessesOf(folder: string): Promise<string[]> {
  // A mongod whose parent process was killed has 10 s to end by itself.
  for (let attempt = 0; attempt < 120 && (await listProcessesOf(folder)).length > 0; attempt += 1)
    await wait(100);
  const left = await listProcessesOf(folder);
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended in the meantime.
    }
  }
  return left.map(({ command }) => command.slice(0, 200));
}

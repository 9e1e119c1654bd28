import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBlocks } from './read-walkthrough.js';
import { typeBlocks } from './type-blocks.js';

/**
 * Runs the README and the tutorial as a new user would: the start command in one shell, and the other blocks in
 * another. Each page has its own data directory. Compares the output with the page, and exits with 1 if a page
 * differs.
 */
const pages = ['README.md', 'docs/tutorial/first-lab.md'];

for (const [n, page] of pages.entries()) {
  const failed = await follow(page, n > 0);
  console.log(failed === undefined ? `walkthrough: the output of ${page} is as shown` : `${page}: ${failed}`);
  if (failed !== undefined) process.exitCode = 1;
}

/**
 * Follows one page on its own server. Returns `undefined` when all output is as shown.
 * @param isInstalled whether the page before has already installed the dependencies
 */
async function follow(page: string, isInstalled: boolean): Promise<string | undefined> {
  const blocks = readBlocks(readFileSync(page, 'utf8'));
  const [start, started] = blocks.filter(({ name }) => name === 'start');
  const folder = mkdtempSync(join(tmpdir(), 'queuepass-walkthrough-'));
  const dataDir = join(folder, 'data');
  const environment = { ...process.env, QUEUEPASS_DATA_DIR: dataDir, METRICS_PORT: '0' };
  const typed = start?.text ?? 'exit 1';
  const server = spawn('bash', ['-c', isInstalled ? typed.replace('npm ci && ', '') : typed], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  try {
    await waitForLine(server, started?.text.trim() ?? 'Queuepass listens on', 300_000);
    return await typeBlocks(
      blocks
        .filter(({ name }) => name === '')
        .map((block) => ({ ...block, text: block.text.replaceAll('.queuepass/', `${dataDir}/`) })),
      environment,
    );
  } finally {
    if (server.exitCode === null) {
      const ended = new Promise((done) => server.once('exit', done));
      process.kill(-(server.pid as number), 'SIGINT');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
    for (const file of ['job.json', 'result.json']) rmSync(file, { force: true });
  }
}

async function waitForLine(child: ChildProcess, line: string, withinMs: number): Promise<void> {
  let output = '';
  await new Promise<void>((done, failed) => {
    const timer = setTimeout(
      () => failed(new Error(`the server did not print "${line}" in time:\n${output}`)),
      withinMs,
    );
    child.once('exit', (code) => {
      clearTimeout(timer);
      failed(new Error(`the server ended with ${code}:\n${output}`));
    });
    child.stderr?.on('data', (data) => {
      output += data;
      if (!output.includes(line)) return;
      clearTimeout(timer);
      done();
    });
  });
}

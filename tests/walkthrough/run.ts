import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBlocks } from './read-walkthrough.js';
import { typeBlocks } from './type-blocks.js';

/**
 * Runs the README and the tutorial as a stranger would: the start command in one shell, the rest in another, block by
 * block, each page on a data folder of its own, and compares what is printed with what the page shows. Ends with status
 * 1 when a page differs.
 */
const pages = ['README.md', 'docs/tutorial/first-lab.md'];

/** Files that the pages have their reader make. */
const made = ['agent-1', 'board-1'].flatMap((agent) => [`${agent}.json`, `${agent}.cookies`]);

for (const [n, page] of pages.entries()) {
  const failed = await follow(page, n > 0);
  console.log(failed === undefined ? `walk-through: ${page} is as it shows` : `${page}: ${failed}`);
  if (failed !== undefined) process.exitCode = 1;
}

/**
 * Follows one page on a server of its own; `undefined` when all is as shown.
 * @param isInstalled by the page before, which needs no second time
 */
async function follow(page: string, isInstalled: boolean): Promise<string | undefined> {
  const blocks = readBlocks(readFileSync(page, 'utf8'));
  const [start, started] = blocks.filter(({ name }) => name === 'start');
  const folder = mkdtempSync(join(tmpdir(), 'queuepass-walkthrough-'));
  const environment = { ...process.env, QUEUEPASS_DATA_DIR: join(folder, 'data'), METRICS_PORT: '0' };
  const typed = start?.text ?? 'exit 1';
  const server = spawn('bash', ['-c', isInstalled ? typed.replace('npm ci && ', '') : typed], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  try {
    await waitForLine(server, started?.text.trim() ?? 'Queuepass listens on', 300_000);
    return await typeBlocks(
      blocks.filter(({ name }) => name === ''),
      environment,
    );
  } finally {
    if (server.exitCode === null) {
      const ended = new Promise((done) => server.once('exit', done));
      process.kill(-(server.pid as number), 'SIGINT');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
    for (const file of [...made, 'job.json', 'result.json']) rmSync(file, { force: true });
  }
}

async function waitForLine(child: ChildProcess, line: string, withinMs: number): Promise<void> {
  let told = '';
  await new Promise<void>((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no "${line}" in time:\n${told}`)), withinMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      failed(new Error(`the server ended with ${code}:\n${told}`));
    });
    child.stderr?.on('data', (data) => {
      told += data;
      if (!told.includes(line)) return;
      clearTimeout(timer);
      done();
    });
  });
}

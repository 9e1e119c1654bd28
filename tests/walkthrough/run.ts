import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBlocks } from './read-walkthrough.js';
import { typeBlocks } from './type-blocks.js';

/**
 * Runs the README as a stranger would: its start command in one shell, its walk-through in another, block by block, and
 * compares what is printed with what the page shows. Ends with status 1 at the first difference.
 */
const blocks = readBlocks(readFileSync('README.md', 'utf8'));
const start = blocks.find((block) => block.name === 'start');
const typed = blocks.filter((block) => block.name === '');
const folder = mkdtempSync(join(tmpdir(), 'queuepass-walkthrough-'));
const environment = { ...process.env, QUEUEPASS_DATA_DIR: join(folder, 'data'), METRICS_PORT: '0' };
const server = spawn('bash', ['-c', start?.text ?? 'exit 1'], {
  env: environment,
  stdio: ['ignore', 'ignore', 'pipe'],
  detached: true,
});
try {
  await waitForLine(server, 'Queuepass listens on', 300_000);
  const failed = await typeBlocks(typed, environment);
  if (failed) {
    console.error(failed);
    process.exitCode = 1;
  } else {
    console.log(
      `walk-through: ${typed.filter(({ language }) => language === 'sh').length} blocks as the README shows`,
    );
  }
} finally {
  if (server.exitCode === null) {
    const ended = new Promise((done) => server.once('exit', done));
    process.kill(-(server.pid as number), 'SIGINT');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
  for (const made of ['agent-1.json', 'agent-1.cookies']) rmSync(made, { force: true });
}

async function waitForLine(child: ChildProcess, line: string, withinMs: number): Promise<void> {
  let told = '';
  await new Promise<void>((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no "${line}" in time:\n${told}`)), withinMs);
    child.once('exit', (code) => failed(new Error(`the server ended with ${code}:\n${told}`)));
    child.stderr?.on('data', (data) => {
      told += data;
      if (!told.includes(line)) return;
      clearTimeout(timer);
      done();
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAsShown, readBlocks } from './read-walkthrough.js';

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
  const failed = await typeBlocks();
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

/** All blocks go to one shell, since later ones use the variables of earlier ones; `undefined` when all is as shown. */
async function typeBlocks(): Promise<string | undefined> {
  const marker = '<<<end of block>>>';
  const script = typed
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => `${text}\necho; echo '${marker}'`)
    .join('\n');
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  shell.stdout.on('data', (data) => (printed += data));
  const status = await new Promise<number | null>((done) => shell.once('close', done));
  if (status !== 0) return `a command of the README ended with status ${status} after printing:\n${printed}`;
  const outputs = printed.split(marker);
  let index = -1;
  for (const { language, text } of typed) {
    if (language === 'sh') index += 1;
    else if (language === 'text' && !isAsShown(joinLines(outputs[index]), joinLines(text))) {
      return `the README shows\n${text}\nand its command prints\n${outputs[index]}`;
    }
  }
  return undefined;
}

/** curl ends its output without a line end, so two answers can stand on one line. */
function joinLines(text = ''): string {
  return text.replaceAll(/\s*\n\s*/g, '');
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

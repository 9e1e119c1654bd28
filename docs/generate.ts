import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { apiDescription, routes } from '../server/areas.js';
import { presentOpenApi, readPackageVersion } from '../server/http/openapi.js';
import { presentApiPage } from './pages/api-page.js';
import { presentCliPage } from './pages/cli-page.js';
import { presentConfigPage } from './pages/config-page.js';
import { presentErrorsPage } from './pages/errors-page.js';
import { presentIndexesPage } from './pages/indexes-page.js';
import { drawJobStates } from './pages/job-states.js';
import { presentMetricsPage } from './pages/metrics-page.js';

/** Writes the reference pages from the code that they describe. With `--check` it only reports which are out of date. */
const openApi = presentOpenApi(apiDescription, readPackageVersion());
const concepts = new URL('explanation/concepts.md', import.meta.url);
const pages: Record<string, () => string> = {
  '../explanation/concepts.md': () => drawJobStates(readOrEmpty(concepts)),
  'api.md': () => presentApiPage(routes),
  'cli.md': presentCliPage,
  'config.md': presentConfigPage,
  'errors.md': presentErrorsPage,
  'indexes.md': presentIndexesPage,
  'metrics.md': presentMetricsPage,
  'openapi.json': () => `${JSON.stringify(openApi, null, 2)}\n`,
};

const words = process.argv.slice(2);
const only = words.includes('openapi') ? ['openapi.json'] : Object.keys(pages);
const stale: string[] = [];
for (const name of only) {
  const file = new URL(`reference/${name}`, import.meta.url);
  const made = (pages[name] as () => string)();
  if (made === readOrEmpty(file)) continue;
  if (words.includes('--check')) stale.push(name);
  else writeFileSync(file, made);
}
for (const missing of findMissingFiles()) {
  console.error(`docs/reference/compatibility.md names ${missing}, which does not exist`);
  process.exitCode = 1;
}
if (stale.length > 0) {
  console.error(`out of date in docs/reference: ${stale.join(', ')}; run npm run docs`);
  process.exitCode = 1;
}

/** Returns the test files that the compatibility page names and that do not exist. */
function findMissingFiles(): string[] {
  const page = readOrEmpty(new URL('reference/compatibility.md', import.meta.url));
  const named = [...page.matchAll(/`(tests\/[^`]+)`/g)].map(([, file = '']) => file);
  return named.filter(
    (file) => !statSync(new URL(`../${file}`, import.meta.url), { throwIfNoEntry: false })?.isFile(),
  );
}

function readOrEmpty(file: URL): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

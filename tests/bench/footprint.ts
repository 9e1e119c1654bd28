import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { presentTable } from '../../docs/pages/markdown.js';
import { buildImage, measureImage } from '../deploy/containerfile.js';
import { makeFolder } from '../support/own-mongod.js';
import { median } from './load.js';
import { measureMemory } from './memory.js';
import { measureStarts } from './start-times.js';

/**
 * `npx tsx tests/bench/footprint.ts` measures the start time, the memory of server and MongoDB, and the size of the image,
 * and writes them to docs/reference/footprint.md. Building the image needs the npm registry.
 */
const rounds = 5;
const loadSeconds = 10;
const load = loadavg()[0] as number;
const cores = cpus().length;

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const starts = await measureStarts(rounds);
const { idle, loaded } = await measureMemory(loadSeconds);
const imageMib = sizeImage();

const startRow = (what: string, times: readonly number[]) => [
  what,
  (median(times) / 1000).toFixed(1),
  `${(Math.min(...times) / 1000).toFixed(1)} to ${(Math.max(...times) / 1000).toFixed(1)}`,
];
const table = [
  presentTable(
    ['start, until `/readyz` returns 200', 'median seconds', 'range'],
    [
      startRow('cold: embedded MongoDB, empty data directory', starts.cold),
      startRow('warm: embedded MongoDB, existing data', starts.warm),
      startRow('an external MongoDB that is already running', starts.outside),
    ],
  ),
  presentTable(
    ['resident memory, MiB', 'idle', 'maximum under load'],
    [
      ['the server', String(idle.server), String(loaded.server)],
      ['`mongod`, embedded', String(idle.mongod), String(loaded.mongod)],
    ],
  ),
  presentTable(['size, MiB', ''], [['the image, without its base image', String(imageMib)]]),
].join('\n\n');
console.log(table);
writeFileSync(new URL('../../docs/reference/footprint.md', import.meta.url), presentPage());
process.exit(0);

function sizeImage(): number {
  const folder = makeFolder();
  try {
    return measureImage(buildImage(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function presentPage(): string {
  const machine = `${cores} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const busy =
    load < cores / 2
      ? ''
      : `\n**The machine was busy with other work** (a load of ${load.toFixed(1)} before the first start), so the times are longer than on an idle machine.\n`;
  return `<!-- Made by \`npx tsx tests/bench/footprint.ts\`. -->
# Footprint

Measured with Node ${process.versions.node} and MongoDB ${starts.mongodVersion}, on a machine of ${machine}.
${busy}
${table}

A start lasts from the command to the first 200. Each time is the median of ${rounds} starts. \`mongod\` and \`node_modules\` are already
installed; the very first \`npm ci && npm start\` also downloads both. Idle memory is measured ten seconds after the start. The
load lasts ${loadSeconds} seconds: 88 callers submit and claim jobs, post log fragments, results and heartbeats, and read jobs, on the same
machine. The memory of \`mongod\` grows with the data. The cache of the embedded \`mongod\` takes a quarter of the machine's memory,
at most 4 GiB.
`;
}

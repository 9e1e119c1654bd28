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
 * `npx tsx tests/bench/footprint.ts`: how long a start takes, how much memory server and MongoDB have, and how large the
 * image is; written to docs/reference/footprint.md. The image needs the npm registry.
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
    ['start, until `/readyz` answers 200', 'seconds', 'from, to'],
    [
      startRow('cold: the embedded MongoDB, an empty data folder', starts.cold),
      startRow('warm: the embedded MongoDB, kept data', starts.warm),
      startRow('a MongoDB of yours that runs', starts.outside),
    ],
  ),
  presentTable(
    ['resident memory, MiB', 'idle', 'most under load'],
    [
      ['the server', String(idle.server), String(loaded.server)],
      ['`mongod`, embedded', String(idle.mongod), String(loaded.mongod)],
    ],
  ),
  presentTable(['size, MiB', ''], [['the image, over its base image', String(imageMib)]]),
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
      : `\n**The machine was busy with other work** (a load of ${load.toFixed(1)} before the first start), so the times are too long.\n`;
  return `<!-- Made by \`npx tsx tests/bench/footprint.ts\`. -->
# Footprint

Measured with Node ${process.versions.node} and MongoDB ${starts.mongodVersion}, on a machine of ${machine}.
${busy}
${table}

A start is from the command to the first 200; seconds are the middle of ${rounds} starts. The program of \`mongod\` is there already, and so
is \`node_modules\`: the very first \`npm ci && npm start\` fetches both. Idle is ten seconds after the start. The load is ${loadSeconds} seconds
of submits, claims, log pieces, results, heartbeats and looks at a job, 88 callers at once, who share the machine. \`mongod\` grows
with the data: the cache of the embedded one has a quarter of the memory, and 4 GiB at most.
`;
}

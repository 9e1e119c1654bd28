/*
 * Measures the cost of masking secrets: microseconds for a log fragment of 1 KB, MB/s for a long one, and the time and
 * memory of a job's masker. Run it with `npx tsx tests/bench/scrubbing.ts`.
 */
import { randomBytes } from 'node:crypto';
import { Masker } from '../../server/scrubbing/masker.js';
import { maskTokens } from '../../server/scrubbing/token-forms.js';

const kilobyte = 1024;
const line =
  '2026-07-24 10:11:12,345 INFO device_agent: provisioning node-17 with http://images.lab/noble-server.img (2 of 3)\n';
const secrets = Array.from({ length: 10 }, () => randomBytes(30).toString('base64').slice(0, 40));
const pem = [
  '-----BEGIN PRIVATE KEY-----',
  ...(randomBytes(2400).toString('base64').match(/.{64}/g) ?? []),
  '-----END PRIVATE KEY-----\n',
].join('\n');

/** Repeats `part` up to `length`, as a flat string like a parsed body. */
function fill(part: string, length = kilobyte, end = '\n'): string {
  return Buffer.from(part.repeat(length / part.length + 1).slice(0, length - end.length) + end).toString();
}

const maskers: Record<string, Masker> = {
  'no secret': new Masker([]),
  '1 secret of 40': new Masker(secrets.slice(0, 1)),
  '10 secrets of 40': new Masker(secrets),
  'PEM key of 3 KB': new Masker([pem]),
  '1 secret of 4': new Masker(['Zq7!']),
};

const first = secrets[0] as string;
const texts: Record<string, string> = {
  'typical log': fill(line),
  'non-ASCII log': fill(line.replace('node', 'nœud')),
  'ends in a prefix': fill(line, kilobyte, first.slice(0, 20)),
  'contains a secret': fill(line, kilobyte, `${first}\n`),
  'near misses': fill(secrets.map((secret) => secret.slice(0, -1)).join(' ')),
  'base64 dump': fill(randomBytes(kilobyte).toString('base64')),
  dashes: fill('-'),
};

/** Measures microseconds of one run: the minimum and median of the rounds. */
function measure(run: () => unknown, { rounds = 200, runs = 200 } = {}): { min: number; median: number } {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    for (let i = 0; i < runs; i++) run();
    times.push(((performance.now() - started) * 1000) / runs);
  }
  times.sort((a, b) => a - b);
  return { min: times[0] as number, median: times[times.length >> 1] as number };
}

function printRow(title: string, cells: readonly string[]): void {
  console.log([title.padEnd(22), ...cells.map((cell) => cell.padStart(18))].join(''));
}

const formatTimes = ({ min, median }: { min: number; median: number }) =>
  `${min.toFixed(2)} / ${median.toFixed(2)}`;

printRow('us per 1 KB, min / p50', Object.keys(maskers));
for (const [title, text] of Object.entries(texts)) {
  printRow(
    title,
    Object.values(maskers).map((masker) => formatTimes(measure(() => masker.maskPiece(text, undefined)))),
  );
}
printRow('maskTokens', [formatTimes(measure(() => maskTokens(texts['typical log'] as string)))]);

console.log();
printRow('MB/s of 1 MiB, p50', Object.keys(maskers));
for (const title of ['typical log', 'near misses', 'base64 dump', 'dashes']) {
  const text = fill(texts[title] as string, kilobyte ** 2);
  printRow(
    title,
    Object.values(maskers).map((masker) => {
      const { median } = measure(() => masker.maskPiece(text, undefined), { rounds: 15, runs: 1 });
      return (text.length / median).toFixed(0);
    }),
  );
}

console.log();
printRow('creating a masker', ['ms, min / p50', 'KB memory']);
const values = { '1 secret of 40': [first], '10 secrets of 40': secrets, 'PEM key of 3 KB': [pem] };
for (const [title, of] of Object.entries(values)) {
  const { min, median } = measure(() => new Masker(of), { rounds: 30, runs: 1 });
  const kilobytes = (new Masker(of).bytes / kilobyte).toFixed(0);
  printRow(title, [formatTimes({ min: min / 1000, median: median / 1000 }), kilobytes]);
}

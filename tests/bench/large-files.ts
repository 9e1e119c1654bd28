import { execFileSync } from 'node:child_process';
import { digestStream, largeUpload, readPeakMemory } from '../support/large-file.js';
import { createSetting } from './setting.js';

/*
 * `npx tsx tests/bench/large-files.ts [MiB]`: one artifact of 2 GiB (or so many MiB) up and down again, with the time
 * that each way takes and the most memory that the server has had by then.
 */
const mib = Number(process.argv[2] ?? 2048);
const path = '/v1/result/0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d/artifact';

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const setting = await createSetting();
const { pool, pid } = setting.server;
const patient = { headersTimeout: 0, bodyTimeout: 0 };

function report(what: string, started: number): void {
  const seconds = (performance.now() - started) / 1000;
  const figures = `${seconds.toFixed(1)} s, ${Math.round(mib / seconds)} MiB/s`;
  console.log(`${what}: ${figures}, ${readPeakMemory(pid)} MiB resident at most`);
}

try {
  console.log(`idle: ${readPeakMemory(pid)} MiB resident at most`);
  const { body, headers, digest } = largeUpload(mib);
  let started = performance.now();
  const sent = await pool.request({
    method: 'POST',
    path,
    headers: { ...setting.agent, ...headers },
    body,
    ...patient,
  });
  if (sent.statusCode !== 200) throw new Error(`${sent.statusCode} ${await sent.body.text()}`);
  await sent.body.dump();
  report(`upload of ${mib} MiB`, started);
  started = performance.now();
  const fetched = await pool.request({ method: 'GET', path, headers: setting.submitter, ...patient });
  const same = (await digestStream(fetched.body)) === digest();
  report(`download of ${mib} MiB, ${same ? 'the same bytes' : 'OTHER BYTES'}`, started);
  if (!same) process.exitCode = 1;
} finally {
  await setting.end();
}

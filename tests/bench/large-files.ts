import { execFileSync } from 'node:child_process';
import { createSetting } from './setting.js';
import { transferFile } from './transfer.js';

/*
 * `npx tsx tests/bench/large-files.ts [MiB]` uploads and downloads an artifact of 2 GiB, or of the given size. It prints
 * the time of each transfer and the server's peak memory so far.
 */
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const setting = await createSetting();
try {
  console.table(await transferFile(setting, Number(process.argv[2] ?? 2048)));
} finally {
  await setting.end();
}
process.exit();

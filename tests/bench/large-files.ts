import { execFileSync } from 'node:child_process';
import { createSetting } from './setting.js';
import { transferFile } from './transfer.js';

/*
 * `npx tsx tests/bench/large-files.ts [MiB]`: one artifact of 2 GiB (or so many MiB) up and down again, with the time
 * that each way takes and the most memory that the server has had by then.
 */
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const setting = await createSetting();
try {
  console.table(await transferFile(setting, Number(process.argv[2] ?? 2048)));
} finally {
  await setting.end();
}
process.exit();

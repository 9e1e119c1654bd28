/* Runs an embedded MongoDB on the data directory in its first argument, for tests that kill such a process. */
import { startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';

const [dataDir = ''] = process.argv.slice(2);
const mongod = await startEmbeddedMongod({
  dataDir,
  environment: process.env,
  report: () => undefined,
  onFailed: () => process.exit(1),
});
process.on('SIGINT', () => console.log('interrupted'));
process.on('SIGTERM', () => void mongod.stop().then(() => process.exit(0)));
console.log('ready');

import cluster from 'node:cluster';
import { type Config, measures } from '../areas.js';
import { ensureDataDir } from './data-dir.js';
import { withSigningKey } from './signing-key.js';
import { findMongodbUri } from '../db/mongodb-uri.js';
import { embeddedMongodUri } from '../mongod/embedded-mongod.js';
import { createLog } from './log.js';
import { MetricsReader } from '../metrics/metrics-reader.js';
import { startServing, stopServing } from './serving.js';
import type { Order, Word } from './worker-messages.js';

function tell(word: Word): void {
  // The first process may be gone already.
  process.send?.(word, undefined, undefined, () => undefined);
}

/**
 * Serves as one of several processes on one address, which the first process started and looks after: it has the
 * embedded MongoDB, the port of the metrics and the person at the terminal. Ends in order when that one says so or is
 * gone, and at SIGTERM.
 * @param exit ends the process
 */
export async function serveAsWorker(config: Config, exit: (code: number) => void): Promise<void> {
  // Ctrl-C at a terminal reaches all processes: the first one leads.
  process.on('SIGINT', () => undefined);
  // Else Node ends this process at once when the first one is gone.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
  const dataDir = config.embedded ? ensureDataDir(config.dataDir) : undefined;
  const serving = await startServing({
    config: dataDir ? withSigningKey(config, dataDir) : config,
    log: createLog(config),
    mongodbUri: dataDir ? embeddedMongodUri(dataDir.path) : (findMongodbUri(config) as string),
    sharesAddress: true,
  });
  const metrics = new MetricsReader(serving.deps, measures);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopServing(serving, async () => metrics.stop()).finally(() => exit(0));
  };
  process.on('disconnect', stop);
  process.on('SIGTERM', stop);
  process.on('message', (order: Order) => {
    if (order.order === 'stop') stop();
    if (order.order === 'ping') tell({ word: 'answer', id: order.id, values: [] });
    if (order.order === 'metrics') {
      void metrics.readValues().then((values) => tell({ word: 'answer', id: order.id, values }));
    }
  });
  tell({ word: 'listens', url: serving.listening.url });
}

/** Tells the first process, as one line, why this one could not start. */
export function tellFailure(problem: string): Promise<void> {
  return new Promise((done) => {
    if (process.send === undefined) return done();
    process.send({ word: 'failed', problem } satisfies Word, undefined, undefined, () => done());
  });
}

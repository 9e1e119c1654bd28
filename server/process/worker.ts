import cluster from 'node:cluster';
import { type Config, measures } from '../areas.js';
import { findMongodbUri } from '../db/mongodb-uri.js';
import { MetricsReader } from '../metrics/metrics-reader.js';
import { embeddedMongodUri } from '../mongod/embedded-mongod.js';
import { ensureDataDir } from './data-dir.js';
import { createLog } from './log.js';
import { startServing, stopServing } from './serving.js';
import { withSigningKey } from './signing-key.js';
import type { WorkerCommand, WorkerMessage } from './worker-messages.js';

function send(message: WorkerMessage): void {
  // The first process may have ended already.
  process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * Serves as one of several processes on one address. The first process starts the workers and supervises them; it also
 * runs the embedded MongoDB, the metrics port and the output to the terminal. A worker shuts down when the first process
 * sends the command or ends, and at SIGTERM.
 * @param exit ends the process
 */
export async function serveAsWorker(config: Config, exit: (code: number) => void): Promise<void> {
  // Ctrl-C at a terminal reaches all processes: only the first one acts on it.
  process.on('SIGINT', () => undefined);
  // Otherwise Node ends this process at once when the first one ends.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
  const dataDir = config.embedded ? ensureDataDir(config.dataDir) : undefined;
  const serving = await startServing({
    config: dataDir ? withSigningKey(config, dataDir) : config,
    log: createLog(config),
    mongodbUri: dataDir ? embeddedMongodUri(dataDir.path) : (findMongodbUri(config) as string),
    sharesAddress: true,
    onRefused: (error) => void reportFailure(error.message).then(() => exit(1)),
  });
  const metrics = new MetricsReader(serving.deps, measures);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopServing(serving, async () => metrics.stop()).finally(() => exit(0));
  };
  process.on('disconnect', stop);
  process.on('SIGTERM', stop);
  process.on('message', (command: WorkerCommand) => {
    if (command.command === 'stop') stop();
    if (command.command === 'ping') send({ type: 'answer', id: command.id, values: [] });
    if (command.command === 'metrics') {
      void metrics.readValues().then((values) => send({ type: 'answer', id: command.id, values }));
    }
  });
  send({ type: 'listening', url: serving.listening.url });
}

/** Reports to the first process why this one could not start, or must not go on. */
export function reportFailure(problem: string): Promise<void> {
  return new Promise((done) => {
    if (process.send === undefined) return done();
    process.send({ type: 'failed', problem } satisfies WorkerMessage, undefined, undefined, () => done());
  });
}

import cluster, { type Worker } from 'node:cluster';
import { realpathSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../areas.js';
import { StartError } from '../errors/start-error.js';
import type { OnRefused } from './prepare-database.js';
import { askWorker, type WorkerCommand, type WorkerMessage } from './worker-messages.js';
import { WorkerMetrics } from './worker-metrics.js';

/** Milliseconds before a worker that ended unexpectedly is replaced. */
const restartDelayMs = 1000;

/** Milliseconds between two checks of a worker, and without an answer after which the worker is killed. */
const checkIntervalMs = 10_000;
const responseTimeoutMs = 30_000;

/** Milliseconds that workers have after the time limit of their requests, before they are killed. */
const stopMarginMs = 10_000;

/** Several processes that serve on one address. */
export interface Workers {
  /** The address that they listen on. */
  url: string;
  /** Returns the metrics of all workers as one text. */
  readMetrics(): Promise<string>;
  /** Lets the workers answer the requests in flight, and waits until they have ended. */
  stop(): Promise<void>;
}

/**
 * Starts `WORKERS` processes, and replaces each one that ends unexpectedly or stops answering.
 * @param options.program the file that runs the server
 * @param options.onRefused ends this process. Called if a worker finds, after its start, that the server must not serve
 * @throws StartError with the message of the first worker that could not start
 */
export async function startWorkers(
  config: Config,
  log: Logger,
  { program, onRefused }: { program: string; onRefused: OnRefused },
): Promise<Workers> {
  // Resolved once: a link may point to another version when a worker is replaced.
  cluster.setupPrimary({ exec: realpathSync(program) });
  // A second signal ends this process at once, and the workers must end with it.
  process.once('exit', () => listWorkers().forEach((worker) => worker.process.kill('SIGKILL')));
  const metrics = new WorkerMetrics();
  const ended = new Set<Promise<void>>();
  let isEnding = false;
  const start = (): Promise<string> => {
    const worker = cluster.fork();
    const exited = new Promise<void>((done) => worker.once('exit', () => done()));
    ended.add(exited);
    void exited.then(() => ended.delete(exited));
    worker.once('exit', (code, signal) => {
      metrics.keepCounts(worker);
      if (isEnding || !hasListened.has(worker)) return;
      log.error({ pid: worker.process.pid, code, signal }, 'a worker ended: starting another one');
      void replace();
    });
    return readStart(worker, onRefused);
  };
  const replace = async (): Promise<void> => {
    while (!isEnding) {
      await wait(restartDelayMs, undefined, { ref: false });
      if (isEnding) return;
      try {
        await start();
        return;
      } catch (error) {
        log.error({ err: error }, 'a worker did not start: trying again');
      }
    }
  };
  const checks = setInterval(
    () => listWorkers().forEach((worker) => void endIfSilent(worker, log)),
    checkIntervalMs,
  );
  const stop = async (): Promise<void> => {
    isEnding = true;
    clearInterval(checks);
    for (const worker of listWorkers())
      worker.send({ command: 'stop' } satisfies WorkerCommand, () => undefined);
    const kill = () => listWorkers().forEach((worker) => worker.process.kill('SIGKILL'));
    const timer = setTimeout(kill, config.drainSeconds * 1000 + stopMarginMs);
    await Promise.all(ended);
    clearTimeout(timer);
  };
  try {
    const [url = ''] = await Promise.all(Array.from({ length: config.workers }, start));
    return { url, stop, readMetrics: () => metrics.read(listWorkers()) };
  } catch (error) {
    isEnding = true;
    clearInterval(checks);
    for (const worker of listWorkers()) worker.process.kill('SIGKILL');
    throw error;
  }
}

/** Kills a worker that does not answer, as systemd does with a process whose event loop is blocked. */
async function endIfSilent(worker: Worker, log: Logger): Promise<void> {
  if (!hasListened.has(worker) || (await askWorker(worker, 'ping', responseTimeoutMs)) !== undefined) return;
  if (worker.isDead()) return;
  log.error({ pid: worker.process.pid }, 'a worker does not answer: killing it');
  worker.process.kill('SIGKILL');
}

const hasListened = new WeakSet<Worker>();

/**
 * Returns the address that a worker listens on.
 * @param onRefused called if the worker reports later that it must not go on
 * @throws StartError with the worker's message if it ends before it listens
 */
function readStart(worker: Worker, onRefused: OnRefused): Promise<string> {
  return new Promise((resolve, reject) => {
    let problem: string | undefined;
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'failed') {
        problem = message.problem;
        // A new worker would be refused too.
        if (hasListened.has(worker)) onRefused(new StartError(problem));
      }
      if (message.type !== 'listening') return;
      hasListened.add(worker);
      resolve(message.url);
    });
    worker.once('exit', () => reject(new StartError(problem ?? 'a worker ended before it listened')));
  });
}

function listWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

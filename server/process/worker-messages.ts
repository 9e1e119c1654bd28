import type { Worker } from 'node:cluster';
import type { CoreMetrics } from '../core/metric-registry.js';

/** A command from the first process to a worker. A worker answers a command that has an `id` with the same `id`. */
export type WorkerCommand = { command: 'stop' } | { command: 'metrics' | 'ping'; id: number };

/** A message from a worker to the first process. */
export type WorkerMessage =
  | { type: 'listening'; url: string }
  | { type: 'failed'; problem: string }
  | { type: 'answer'; id: number; values: MetricValues };

/** The metrics of a process in the form in which workers send them. */
export type MetricValues = Awaited<ReturnType<CoreMetrics['registry']['getMetricsAsJSON']>>;

let lastId = 0;

/** Sends a command and returns the worker's answer; `undefined` if the worker does not answer within `milliseconds`. */
export function askWorker(
  worker: Worker,
  command: 'metrics' | 'ping',
  milliseconds: number,
): Promise<MetricValues | undefined> {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve) => {
    const end = (values?: MetricValues) => {
      clearTimeout(timer);
      worker.off('message', read);
      resolve(values);
    };
    const read = (message: WorkerMessage) => {
      if (message.type === 'answer' && message.id === id) end(message.values);
    };
    const timer = setTimeout(end, milliseconds);
    worker.on('message', read);
    worker.send({ command, id } satisfies WorkerCommand, (error) => {
      if (error) end();
    });
  });
}

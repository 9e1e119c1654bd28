import { queueLimit } from '../auth/bcrypt-pool.js';
import type { Deps } from '../deps.js';
import { readPackageVersion } from '../http/openapi.js';
import type { Metrics } from '../core/metric-registry.js';
import { DatabaseMeter } from './database-meter.js';
import { watchEventLoop } from './watch-event-loop.js';

/** Reads the metrics of this process, with what is cheaper to look at when it is asked for than to follow. */
export class MetricsReader {
  readonly #meter: DatabaseMeter;
  readonly #endWatch: () => void;

  constructor(private readonly deps: Deps) {
    const { metrics } = deps;
    this.#meter = new DatabaseMeter(deps);
    metrics.buildInfo.set({ version: readPackageVersion() }, 1);
    metrics.bcryptQueueLimit.set(queueLimit);
    metrics.processStart.set(Math.round(performance.timeOrigin) / 1000);
    this.#endWatch = watchEventLoop(metrics);
  }

  /** In the text format of Prometheus. */
  async readText(): Promise<string> {
    return (await this.#read()).metrics();
  }

  /** To be put together with those of other processes. */
  async readValues(): Promise<Awaited<ReturnType<Metrics['registry']['getMetricsAsJSON']>>> {
    return (await this.#read()).getMetricsAsJSON();
  }

  stop(): void {
    this.#endWatch();
  }

  async #read(): Promise<Metrics['registry']> {
    const { metrics, bcryptPool } = this.deps;
    await this.#meter.measure();
    const { user, system } = process.cpuUsage();
    metrics.processCpu.reset();
    metrics.processCpu.inc((user + system) / 1e6);
    metrics.processMemory.set(process.memoryUsage.rss());
    metrics.bcryptQueue.set(bcryptPool.waiting);
    for (const update of metrics.beforeScrape) update();
    return metrics.registry;
  }
}

import type { Core } from '../core/core.js';
import type { CoreMetrics } from '../core/metric-registry.js';
import { readPackageVersion } from '../http/openapi.js';
import { DatabaseMeter, type Measure } from './database-meter.js';
import type { ProcessMetricsServices } from './services.js';
import { watchEventLoop } from './watch-event-loop.js';

/** Reads the metrics of this process, and sets those that are cheaper to read on demand than to follow. */
export class MetricsReader<D extends Core & ProcessMetricsServices> {
  readonly #meter: DatabaseMeter<D>;
  readonly #endWatch: () => void;

  /** @param measures what the areas count in the database */
  constructor(
    private readonly deps: D,
    measures: readonly Measure<D>[],
  ) {
    const { metrics } = deps;
    this.#meter = new DatabaseMeter(deps, measures);
    metrics.buildInfo.set({ version: readPackageVersion() }, 1);
    metrics.processStart.set(Math.round(performance.timeOrigin) / 1000);
    this.#endWatch = watchEventLoop(metrics);
  }

  /** In the text format of Prometheus. */
  async readText(): Promise<string> {
    return (await this.#read()).metrics();
  }

  /** To be combined with those of other processes. */
  async readValues(): Promise<Awaited<ReturnType<CoreMetrics['registry']['getMetricsAsJSON']>>> {
    return (await this.#read()).getMetricsAsJSON();
  }

  stop(): void {
    this.#endWatch();
  }

  async #read(): Promise<CoreMetrics['registry']> {
    const { metrics } = this.deps;
    await this.#meter.measure();
    const { user, system } = process.cpuUsage();
    metrics.processCpu.reset();
    metrics.processCpu.inc((user + system) / 1e6);
    metrics.processMemory.set(process.memoryUsage.rss());
    for (const update of metrics.beforeScrape) update();
    return metrics.registry;
  }
}

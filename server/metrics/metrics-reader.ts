import type { Core } from '../core/core.js';
import type { CoreMetrics } from '../core/metric-registry.js';
import { readPackageVersion } from '../http/openapi.js';
import { DatabaseMeter, type Measure } from './database-meter.js';
import type { ProcessMetricsServices } from './services.js';
import { watchEventLoop } from './watch-event-loop.js';

/** Reads the metrics of this process, and updates those that are cheaper to compute on demand. */
export class MetricsReader<D extends Core & ProcessMetricsServices> {
  readonly #meter: DatabaseMeter<D>;
  readonly #stopWatching: () => void;

  /** @param measures the areas' counts in the database */
  constructor(
    private readonly deps: D,
    measures: readonly Measure<D>[],
  ) {
    const { metrics } = deps;
    this.#meter = new DatabaseMeter(deps, measures);
    metrics.buildInfo.set({ version: readPackageVersion() }, 1);
    metrics.processStart.set(Math.round(performance.timeOrigin) / 1000);
    this.#stopWatching = watchEventLoop(metrics);
  }

  /** Returns the metrics in Prometheus's text format. */
  async readText(): Promise<string> {
    return (await this.#read()).metrics();
  }

  /** Returns the metrics as JSON, to combine them with those of other processes. */
  async readValues(): Promise<Awaited<ReturnType<CoreMetrics['registry']['getMetricsAsJSON']>>> {
    return (await this.#read()).getMetricsAsJSON();
  }

  stop(): void {
    this.#stopWatching();
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

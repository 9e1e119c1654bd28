import type { ExecutionContext } from 'ava';
import { measures } from '../../server/areas.js';
import { MetricsReader } from '../../server/metrics/metrics-reader.js';
import { startMetricsServer } from '../../server/metrics/metrics-server.js';
import type { TestServer } from './start-server.js';

/** One sample of the Prometheus text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The result of one scrape. */
export class Scrape {
  readonly samples: readonly Sample[];

  constructor(readonly text: string) {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    this.samples = lines.map(readSample);
  }

  /** The metric names of the `# TYPE` lines, with their types. */
  get kinds(): Record<string, string> {
    return Object.fromEntries([...this.text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, a, b]) => [a, b]));
  }

  /** Returns the values of one metric by its label values. */
  byLabels(name: string): Record<string, number> {
    const found = this.samples.filter((sample) => sample.name === name);
    return Object.fromEntries(found.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
  }

  /** Like `byLabels`, without the values that are 0. */
  counted(name: string): Record<string, number> {
    return Object.fromEntries(Object.entries(this.byLabels(name)).filter(([, value]) => value !== 0));
  }

  /** Returns the value of a metric without labels. @throws Error when it has no value. */
  value(name: string): number {
    const found = this.byLabels(name)[''];
    if (found === undefined) throw new Error(`${name} has no value`);
    return found;
  }
}

function readSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === '' || Number.isNaN(Number(value))) throw new Error(`not a sample: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]);
  return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
}

/** Starts a metrics server for a test server and returns its URL. The metrics server stops when the test ends. */
export async function serveMetrics(t: ExecutionContext, server: TestServer): Promise<string> {
  const reader = new MetricsReader(server.deps, measures);
  const metrics = await startMetricsServer(server.deps, () => reader.readText());
  t.teardown(async () => {
    reader.stop();
    await metrics.close();
  });
  return metrics.url;
}

/** Scrapes a metrics URL. */
export async function readMetrics(url: string): Promise<Scrape> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return new Scrape(await answer.text());
}

/** Scrapes a test server once, with fresh counts. */
export async function scrape(t: ExecutionContext, server: TestServer): Promise<Scrape> {
  return readMetrics(await serveMetrics(t, server));
}

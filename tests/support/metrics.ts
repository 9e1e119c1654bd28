import type { ExecutionContext } from 'ava';
import { MetricsReader } from '../../server/metrics/metrics-reader.js';
import { startMetricsServer } from '../../server/metrics/metrics-server.js';
import type { TestServer } from './start-server.js';

/** One value of the text format of Prometheus. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a scrape told. */
export class Scrape {
  readonly samples: readonly Sample[];

  constructor(readonly text: string) {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    this.samples = lines.map(readSample);
  }

  /** The names that `# TYPE` lines tell, with their kinds. */
  get kinds(): Record<string, string> {
    return Object.fromEntries([...this.text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, a, b]) => [a, b]));
  }

  /** The values of one name, by the values of its labels. */
  byLabels(name: string): Record<string, number> {
    const found = this.samples.filter((sample) => sample.name === name);
    return Object.fromEntries(found.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
  }

  /** The same without those that are 0. */
  counted(name: string): Record<string, number> {
    return Object.fromEntries(Object.entries(this.byLabels(name)).filter(([, value]) => value !== 0));
  }

  /** The value of a name without labels. @throws Error when there is none. */
  value(name: string): number {
    const found = this.byLabels(name)[''];
    if (found === undefined) throw new Error(`${name} has no value`);
    return found;
  }
}

function readSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === '' || Number.isNaN(Number(value))) throw new Error(`no sample: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]);
  return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
}

/** The address of a metrics server of a test server, until the test ends. */
export async function serveMetrics(t: ExecutionContext, server: TestServer): Promise<string> {
  const reader = new MetricsReader(server.deps);
  const metrics = await startMetricsServer(server.deps, () => reader.readText());
  t.teardown(async () => {
    reader.stop();
    await metrics.close();
  });
  return metrics.url;
}

/** What an address of metrics tells. */
export async function readMetrics(url: string): Promise<Scrape> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return new Scrape(await answer.text());
}

/** One scrape of a test server, with fresh counts. */
export async function scrape(t: ExecutionContext, server: TestServer): Promise<Scrape> {
  return readMetrics(await serveMetrics(t, server));
}

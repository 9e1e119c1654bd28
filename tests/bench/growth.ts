import { batchedRequest } from './batching-scenarios.js';
import { pollEmptyQueue } from './claim-scenarios.js';
import { measure } from './load.js';
import type { Line } from './plots.js';
import type { Setting } from './setting.js';
import { seedToken } from './token-scenarios.js';

const callerCounts = [1, 4, 16, 64, 128];
const quickCallerCounts = [1, 64];

/** Measures the rates of the main routes for growing numbers of callers, and those of the driver's single writes. */
export async function measureGrowth(setting: Setting, quick: boolean): Promise<Line[]> {
  const submit = await batchedRequest(setting, 'submit');
  const post = await batchedRequest(setting, 'log post of 1 KB');
  const kinds: Record<string, (n: number) => Promise<unknown>> = {
    submit: (n) => submit(setting.server, setting, n % 64),
    'log post of 1 KB': (n) => post(setting.server, setting, n % 64),
    'seed token': () => seedToken(setting.server, 'made-0', setting.madeKey),
    'empty poll': (n) => pollEmptyQueue(setting, setting.server, n),
    'bare insertOne': () => setting.db.collection('bare').insertOne({ a: 1 }),
  };
  const lines: Line[] = [];
  for (const [name, request] of Object.entries(kinds)) {
    const points: [number, number][] = [];
    for (const callers of quick ? quickCallerCounts : callerCounts) {
      const { rate } = await measure(
        { callers, seconds: quick ? 0.2 : 1.5 },
        async (n) => void (await request(n)),
      );
      points.push([callers, rate]);
    }
    lines.push({ name, points });
  }
  return lines;
}

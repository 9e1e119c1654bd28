import { batchedRequest } from './batching-scenarios.js';
import { pollInVain } from './claim-scenarios.js';
import { measure } from './load.js';
import type { Line } from './plots.js';
import type { Setting } from './setting.js';
import { seedToken } from './token-scenarios.js';

const widths = [1, 4, 16, 64, 128];
const quickWidths = [1, 64];

/** Rates of the main routes as their callers become more, side by side with the driver's own single writes. */
export async function measureGrowth(setting: Setting, quick: boolean): Promise<Line[]> {
  const submit = await batchedRequest(setting, 'submit');
  const post = await batchedRequest(setting, 'log post of 1 KB');
  const kinds: Record<string, (n: number) => Promise<unknown>> = {
    submit: (n) => submit(setting.server, setting, n % 64),
    'log post of 1 KB': (n) => post(setting.server, setting, n % 64),
    'seed token': () => seedToken(setting.server, 'made-0', setting.madeKey),
    'empty poll': (n) => pollInVain(setting, setting.server, n),
    'bare insertOne': () => setting.db.collection('bare').insertOne({ a: 1 }),
  };
  const lines: Line[] = [];
  for (const [name, request] of Object.entries(kinds)) {
    const points: [number, number][] = [];
    for (const callers of quick ? quickWidths : widths) {
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

import { setTimeout as wait } from 'node:timers/promises';
import { readMemory } from '../support/large-file.js';
import { summarize } from './load.js';
import { jobMs, ParkedClients } from './parked-clients.js';
import { send, type Target } from './processes.js';
import { readSeconds, sum } from './processor-time.js';
import type { Setting } from './setting.js';

/** The cost of waiting claims and their wake-up times. */
export interface Waiting {
  servers: number;
  waiters: number;
  /** Increase of the servers' resident memory, for each waiter. */
  kibEach: number;
  /** Processor use of all servers together while no wait ends, in percent of a core. */
  idlePercent: number;
  /** Processor use during a minute in which every wait ends and restarts. Not measured in a quick run. */
  renewingPercent: number | undefined;
  /** Milliseconds from the response to a submit to the response to the claim, with one submit at a time. */
  wakeP50: number;
  wakeP99: number;
  /** Wake-ups a second for one submit to each queue at once, from the first submit to the last claim's response. */
  burstRate: number;
  burstMs: number;
}

const queueCount = 1000;
const queueOf = (n: number): string => `parked-${n % queueCount}`;

/** Parks `waiters` claims over new server processes, and submits jobs only to the first of them. */
export async function measureWaiting(
  setting: Setting,
  servers: number,
  waiters: number,
  quick: boolean,
): Promise<Waiting> {
  // The server would search the jobs that earlier rows claimed for expired leases twice a minute.
  await setting.db.collection('jobs').deleteMany({ 'lease.holder': { $exists: true } });
  const targets = await Promise.all(Array.from({ length: servers }, () => setting.startFresh()));
  const expected = new Map<string, (at: number) => void>();
  const parked = new ParkedClients(({ queue, at }) => expected.get(queue)?.(at));
  try {
    for (const target of targets) await warmUp(target, setting);
    await wait(quick ? 1000 : 3000);
    const memoryBefore = sum(targets.map(({ pid }) => readMemory(pid)));
    await Promise.all(
      targets.map(({ url }, server) => {
        const mine = Array.from({ length: waiters / servers }, (_, n) => queueOf(n * servers + server));
        return parked.park(url, mine, (n) => ({ ...setting.agent, cookie: `agent_name=a-${server}-${n}` }));
      }),
    );
    await wait(quick ? 1000 : 10_000);
    const kibEach = ((sum(targets.map(({ pid }) => readMemory(pid))) - memoryBefore) * 1024) / waiters;
    // Ends before the first wait ends.
    const idlePercent = await measureCpu(targets, quick ? 2 : 30);
    const renewingPercent = quick ? undefined : await measureCpu(targets, 60);
    const [first] = targets as [Target, ...Target[]];
    const arrival = (queue: string) => new Promise<number>((resolve) => expected.set(queue, resolve));
    const submit = (queue: string) =>
      send(first, 'POST', '/v1/job', setting.submitter, JSON.stringify({ job_queue: queue }));
    const times: number[] = [];
    for (let n = 0; n < (quick ? 100 : 500); n += 1) {
      const queue = queueOf(n * 7);
      const arrived = arrival(queue);
      await submit(queue);
      const answered = performance.now();
      times.push((await arrived) - answered);
      await wait(5);
    }
    const bursts: number[] = [];
    for (let n = 0; n < (quick ? 1 : 5); n += 1) {
      // In a quick run each queue has one waiter, which is busy if it was just woken.
      await wait(quick ? jobMs + 100 : 1000);
      const queues = Array.from({ length: queueCount }, (_, i) => queueOf(i));
      const arrived = Promise.all(queues.map(arrival));
      const began = performance.now();
      await Promise.all(queues.map(submit));
      bursts.push(Math.max(...(await arrived)) - began);
    }
    const { p50, p99 } = summarize(times, 1);
    const burstMs = bursts.sort((a, b) => a - b)[Math.floor(bursts.length / 2)] as number;
    return {
      servers,
      waiters,
      kibEach,
      idlePercent,
      renewingPercent,
      wakeP50: p50,
      wakeP99: p99,
      burstMs,
      burstRate: (queueCount * 1000) / burstMs,
    };
  } finally {
    parked.close();
    for (const target of targets) target.stop();
  }
}

/** Sends requests before the measurement, so that the memory of code and connections is not counted as that of waiters. */
async function warmUp(server: Target, { agent, submitter }: Setting): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        await send(server, 'POST', '/v1/job', submitter, JSON.stringify({ job_queue: 'warm-up' }));
        await send(server, 'GET', '/v1/job?queue=warm-up', agent);
      }),
    );
  }
}

async function measureCpu(targets: readonly Target[], seconds: number): Promise<number> {
  const before = sum(targets.map(({ pid }) => readSeconds(pid)));
  await wait(seconds * 1000);
  return ((sum(targets.map(({ pid }) => readSeconds(pid))) - before) * 100) / seconds;
}

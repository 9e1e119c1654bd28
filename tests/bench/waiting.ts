import { setTimeout as wait } from 'node:timers/promises';
import { readMemory } from '../support/large-file.js';
import { summarize } from './load.js';
import { jobMs, ParkedClients } from './parked-clients.js';
import { send, type Target } from './processes.js';
import { readSeconds, sum } from './processor-time.js';
import type { Setting } from './setting.js';

/** What claims that wait cost and how soon they are woken. */
export interface Waiting {
  servers: number;
  waiters: number;
  /** Resident memory of all servers over that before, for each waiter. */
  kibEach: number;
  /** Percent of a core of all servers together, while nothing happens. */
  idlePercent: number;
  /** The same of a minute in which every wait ends and begins again; not measured in a quick run. */
  renewingPercent: number | undefined;
  /** Milliseconds from the answer of a submit to the answer of the claim, one submit at a time. */
  wakeP50: number;
  wakeP99: number;
  /** Wakes a second, from the first of so many submits sent at once, one to each queue, to the last claim's answer. */
  burstRate: number;
  burstMs: number;
}

const queueCount = 1000;
const queueOf = (n: number): string => `parked-${n % queueCount}`;

/** Parks `waiters` over fresh server processes and submits jobs to the first of them only. */
export async function measureWaiting(
  setting: Setting,
  servers: number,
  waiters: number,
  quick: boolean,
): Promise<Waiting> {
  // What earlier rows claimed would be looked through for leases twice a minute.
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
    // Over before the first of the waits is.
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
      // In a quick run each queue has one waiter, who is busy if it was woken just now.
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

/** So that code and connections that any server has are not counted as those of waiters. */
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

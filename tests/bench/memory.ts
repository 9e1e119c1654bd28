import { setTimeout as wait } from 'node:timers/promises';
import { readMemory } from '../support/large-file.js';
import { findPids } from '../support/own-mongod.js';
import { batchingScenarios } from './batching-scenarios.js';
import { contractScenarios } from './contract-scenarios.js';
import { scenarios } from './scenarios.js';
import { createSetting } from './setting.js';

/** Resident memory in MiB. */
export interface Memory {
  server: number;
  mongod: number;
}

/** What clients and agents do most of the time, all of it at once: 88 callers. */
const mixed = [
  'submit, 16 callers',
  'claim, 100 waiting',
  'log post of 1 KB',
  'result post',
  'agent heartbeat',
  'get job',
];

/** The memory ten seconds after the start, and the most that there is in some seconds of load. */
export async function measureMemory(seconds: number): Promise<{ idle: Memory; loaded: Memory }> {
  const all = [...scenarios, ...batchingScenarios, ...contractScenarios];
  const chosen = all.filter(({ name }) => mixed.includes(name));
  if (chosen.length !== mixed.length) throw new Error('a scenario has another name');
  const setting = await createSetting();
  try {
    const [mongod = 0] = await findPids(setting.dataDir, 'mongod');
    const read = (): Memory => ({ server: readMemory(setting.server.pid), mongod: readMemory(mongod) });
    await wait(10_000);
    const idle = read();
    const loaded = { ...idle };
    const sampler = setInterval(() => {
      const now = read();
      loaded.server = Math.max(loaded.server, now.server);
      loaded.mongod = Math.max(loaded.mongod, now.mongod);
    }, 100);
    const until = performance.now() + seconds * 1000;
    try {
      await Promise.all(
        chosen.map(async (scenario) => {
          while (performance.now() < until) await scenario.run(setting, false);
        }),
      );
    } finally {
      clearInterval(sampler);
    }
    return { idle, loaded };
  } finally {
    await setting.end();
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import { readMemory } from '../support/large-file.js';
import { findPids } from '../support/own-mongod.js';
import { allScenarios } from './all-scenarios.js';
import { batchedRow } from './batching-scenarios.js';
import { claimRow } from './claim-scenarios.js';
import { createSetting } from './setting.js';

/** Resident memory in MiB. */
export interface Memory {
  server: number;
  mongod: number;
}

/** The most frequent requests of clients and agents. Together they have 88 callers. */
const mixedLoad = [
  batchedRow('submit', 16),
  claimRow(8, 100),
  batchedRow('log post of 1 KB', 16),
  batchedRow('result post', 16),
  batchedRow('heartbeat', 16),
  'get job, 16 callers',
];

/** Measures the memory ten seconds after the start, and the maximum during some seconds of load. */
export async function measureMemory(seconds: number): Promise<{ idle: Memory; loaded: Memory }> {
  const chosen = allScenarios.filter(({ name }) => mixedLoad.includes(name));
  if (chosen.length !== mixedLoad.length) throw new Error('a scenario of the mixed load does not exist');
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

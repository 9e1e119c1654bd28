import { readFileSync } from 'node:fs';
import { findPids } from '../support/own-mongod.js';
import type { Cores, Measured } from './load.js';
import type { Setting } from './setting.js';

/** Clock ticks per second in `/proc`, the same on every Linux. */
const ticksPerSecond = 100;

/** Reads the seconds of processor time of a process and its children, over all threads (Linux). */
export function readSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const own = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    return own + sum(listChildren(pid).map(readSeconds));
  } catch {
    // The process has ended meanwhile.
    return 0;
  }
}

function listChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** Returns a function that reads the processor time of the load, the servers and mongod. */
export async function watchProcessors({ dataDir }: Pick<Setting, 'dataDir'>): Promise<() => Cores> {
  const [mongodPid = 0] = await findPids(dataDir, 'mongod');
  // The embedded mongod may be a descendant of this process.
  const isChild = isDescendant(mongodPid, process.pid);
  return () => {
    const mongod = readSeconds(mongodPid);
    const all = readSeconds(process.pid);
    const { user, system } = process.cpuUsage();
    const load = (user + system) / 1e6;
    return { load, servers: all - load - (isChild ? mongod : 0), mongod };
  };
}

function isDescendant(pid: number, ancestor: number): boolean {
  const children = listChildren(ancestor);
  return children.includes(pid) || children.some((child) => isDescendant(pid, child));
}

/** The sum of some numbers. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Milliseconds of processor time of one call, such as one whole job, by the part that used it. */
export function msEach(measured: Measured, part: keyof Cores): number {
  return (measured.cores[part] * 1000) / measured.rate;
}

import type { Load, Measured } from './load.js';
import type { Setting } from './setting.js';

/** One measurement, and the measurements of the same round that it is compared with. */
export interface Scenario {
  name: string;
  /** The names of the scenarios to compare with, such as a baseline that does the minimum work. */
  against: readonly string[];
  /** Takes long to prepare, so runs only with `--deep`. */
  isDeep?: boolean;
  run(setting: Setting, quick: boolean): Promise<Measured>;
}

/** The load of one round, limited by time. */
export function timed(callers: number, quick: boolean): Load {
  return { callers, seconds: quick ? 0.2 : 1.5 };
}

/** The header of bodies that are JSON. */
export const json = { 'content-type': 'application/json' };

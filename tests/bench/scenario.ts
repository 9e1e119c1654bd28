import type { Load, Measured } from './load.js';
import type { Setting } from './setting.js';

/** One thing that is measured, and the measurements of the same run that it is compared with. */
export interface Scenario {
  name: string;
  /** What the comparisons are: the route against the yardstick that does the least that it could. */
  against: readonly string[];
  /** Takes long to prepare: only with `--deep`. */
  isDeep?: boolean;
  run(setting: Setting, quick: boolean): Promise<Measured>;
}

/** One round of a scenario that has no end of its own. */
export function timed(callers: number, quick: boolean): Load {
  return { callers, seconds: quick ? 0.2 : 1.5 };
}

/** The header of bodies that are JSON. */
export const json = { 'content-type': 'application/json' };

import type { Deps } from '../deps.js';

/** Something that one process at a time does again and again. */
export interface Duty {
  /** Names its lock document. */
  name: string;
  /** Milliseconds between two runs. */
  everyMs: number;
  /** @param now the time of the database when the run began */
  run(deps: Deps, now: Date): Promise<void>;
}

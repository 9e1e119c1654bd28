/** A periodic task that one process at a time runs. */
export interface Duty<D> {
  /** Also the id of its lock document. */
  name: string;
  /** Milliseconds between two runs. */
  everyMs: number;
  /** @param now the database's time at the beginning of the run */
  run: (deps: D, now: Date) => Promise<void>;
}

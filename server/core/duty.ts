/** Work that one process at a time repeats. */
export interface Duty<D> {
  /** Names its lock document. */
  name: string;
  /** Milliseconds between two runs. */
  everyMs: number;
  /** @param now the database's time when the run began */
  run: (deps: D, now: Date) => Promise<void>;
}

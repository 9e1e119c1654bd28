/** What one measurement gives: requests a second, and milliseconds of the fastest, the middle and the slowest hundredth. */
export interface Measured {
  rate: number;
  min: number;
  p50: number;
  p99: number;
  /** Cores that each was busy with meanwhile. */
  cores: Cores;
}

/** How long and how wide a measurement is. */
export interface Load {
  /** Callers that each send their next request when the last one was answered. */
  callers: number;
  /** Measured for so long ... */
  seconds?: number;
  /** ... or for so many requests. */
  requests?: number;
}

/** Cores that the load's own process, the servers and mongod are busy with. */
export interface Cores {
  load: number;
  servers: number;
  mongod: number;
}

/** Seconds of processor time so far; set by who started the processes. */
export const processorTime = { read: (): Cores => ({ load: 0, servers: 0, mongod: 0 }) };

/** Seconds of a timed load that are not measured: code is made fast by its first calls. */
const warmUpSeconds = 0.3;

/**
 * Runs `send` under a load and times each call; what it throws ends the benchmark.
 * @param send is told which call it is, and which of the callers makes it: each makes one after the other
 */
export async function measure(
  load: Load,
  send: (n: number, caller: number) => Promise<void>,
): Promise<Measured> {
  if (load.seconds !== undefined && load.seconds > warmUpSeconds) {
    await measure({ callers: load.callers, seconds: warmUpSeconds }, send);
  }
  const times: number[] = [];
  const busyBefore = processorTime.read();
  const started = performance.now();
  const until = load.seconds === undefined ? Infinity : started + load.seconds * 1000;
  const most = load.requests ?? Infinity;
  let sent = 0;
  async function call(_: unknown, caller: number): Promise<void> {
    while (sent < most && performance.now() < until) {
      const before = performance.now();
      await send(sent++, caller);
      times.push(performance.now() - before);
    }
  }
  await Promise.all(Array.from({ length: load.callers }, call));
  const elapsedMs = performance.now() - started;
  const busy = processorTime.read();
  const coresOf = (who: keyof Cores) => ((busy[who] - busyBefore[who]) * 1000) / elapsedMs;
  const cores = { load: coresOf('load'), servers: coresOf('servers'), mongod: coresOf('mongod') };
  return { ...summarize(times, elapsedMs), cores };
}

/** Rate and times of calls, which it sorts. */
export function summarize(times: number[], elapsedMs: number): Omit<Measured, 'cores'> {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { rate: (times.length * 1000) / elapsedMs, min: at(0), p50: at(0.5), p99: at(0.99) };
}

/** The one in the middle by rate, of several rounds of the same measurement. */
export function medianOf(rounds: readonly Measured[]): Measured {
  const sorted = [...rounds].sort((a, b) => a.rate - b.rate);
  return sorted[Math.floor(sorted.length / 2)] as Measured;
}

/** The median; of an even count of numbers, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? NaN;
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
}

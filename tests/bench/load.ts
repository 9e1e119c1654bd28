/** One measurement: requests a second, and the minimum, median and 99th percentile in milliseconds. */
export interface Measured {
  rate: number;
  min: number;
  p50: number;
  p99: number;
  /** The cores that each part used during the measurement. */
  cores: Cores;
  /** Mean number of requests of one call; absent if a call is one request. */
  requestsEach?: number;
}

/** The duration and concurrency of a measurement. */
export interface Load {
  /** Number of callers. Each sends its next request after the response to the previous one. */
  callers: number;
  /** The duration in seconds, or ... */
  seconds?: number;
  /** ... the number of requests. */
  requests?: number;
}

/** The cores that the load's process, the servers and mongod use. */
export interface Cores {
  load: number;
  servers: number;
  mongod: number;
}

/** Reads the seconds of processor time so far. The program that starts the processes sets `read`. */
export const processorTime = { read: (): Cores => ({ load: 0, servers: 0, mongod: 0 }) };

/** Seconds before a timed load that are not measured, so that the code is compiled. */
const warmUpSeconds = 0.3;

/**
 * Runs `send` under a load and measures the time of each call. An error of `send` ends the benchmark.
 * @param send gets the number of the call and the number of its caller. Each caller makes one call after the other.
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
  const limit = load.requests ?? Infinity;
  let sent = 0;
  async function call(_: unknown, caller: number): Promise<void> {
    while (sent < limit && performance.now() < until) {
      const before = performance.now();
      await send(sent++, caller);
      times.push(performance.now() - before);
    }
  }
  await Promise.all(Array.from({ length: load.callers }, call));
  const elapsedMs = performance.now() - started;
  const busy = processorTime.read();
  const coresOf = (part: keyof Cores) => ((busy[part] - busyBefore[part]) * 1000) / elapsedMs;
  const cores = { load: coresOf('load'), servers: coresOf('servers'), mongod: coresOf('mongod') };
  return { ...summarize(times, elapsedMs), cores };
}

/** Calculates rate and times of calls. Sorts `times`. */
export function summarize(times: number[], elapsedMs: number): Omit<Measured, 'cores'> {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { rate: (times.length * 1000) / elapsedMs, min: at(0), p50: at(0.5), p99: at(0.99) };
}

/** The median round by rate, of several rounds of a measurement. */
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

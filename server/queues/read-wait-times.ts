import type { ClaimServices } from '../claims/services.js';
import { maxSamples } from '../claims/wait-times.js';

const percents = [5, 10, 50, 90, 95] as const;

/** Percentiles of wait times in seconds, by percent; none without samples. */
export type Percentiles = Partial<Record<(typeof percents)[number], number>>;

/**
 * Percentiles of the newest 1,000 wait times of each of `queues` that has a record, of every one when none is named.
 */
export async function readWaitTimes(
  { collections }: Pick<ClaimServices, 'collections'>,
  queues: readonly string[] = [],
): Promise<Record<string, Percentiles>> {
  const records = collections.queueWaitTimes.find(queues.length > 0 ? { name: { $in: [...queues] } } : {}, {
    // Those of a Testflinger server hold every wait there ever was.
    projection: { _id: 0, name: 1, wait_times: { $slice: -maxSamples } },
  });
  const samples = new Map<string, number[]>();
  for await (const { name, wait_times: times } of records) {
    // Servers of another make may have left two records of one name.
    samples.set(name, [...(samples.get(name) ?? []), ...(times ?? [])].slice(-maxSamples));
  }
  return Object.fromEntries([...samples].map(([name, times]) => [name, findPercentiles(times)]));
}

/** Linear interpolation between the closest ranks, as Testflinger does it. */
export function findPercentiles(samples: readonly number[]): Percentiles {
  if (samples.length === 0) return {};
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (rank: number): number => sorted[Math.min(rank, sorted.length - 1)] as number;
  return Object.fromEntries(
    percents.map((percent) => {
      const rank = ((sorted.length - 1) * percent) / 100;
      const below = Math.floor(rank);
      return [percent, at(below) + (at(below + 1) - at(below)) * (rank - below)];
    }),
  );
}

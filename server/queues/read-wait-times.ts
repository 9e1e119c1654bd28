import type { ClaimServices } from '../claims/services.js';
import { maxSamples } from '../claims/wait-times.js';

const percents = [5, 10, 50, 90, 95] as const;

/** Percentiles of wait times in seconds, by percent. Empty if there are no samples. */
export type Percentiles = Partial<Record<(typeof percents)[number], number>>;

/**
 * Reads the percentiles of the newest 1,000 wait times of each queue in `queues`, or of all queues if it is empty.
 * Queues without a record are left out.
 */
export async function readWaitTimes(
  { collections }: Pick<ClaimServices, 'collections'>,
  queues: readonly string[] = [],
): Promise<Record<string, Percentiles>> {
  const records = collections.queueWaitTimes.find(queues.length > 0 ? { name: { $in: [...queues] } } : {}, {
    // Records of a Testflinger server contain every wait time since its first start.
    projection: { _id: 0, name: 1, wait_times: { $slice: -maxSamples } },
  });
  const samples = new Map<string, number[]>();
  for await (const { name, wait_times: times } of records) {
    // A Testflinger server may have left two records with the same name.
    samples.set(name, [...(samples.get(name) ?? []), ...(times ?? [])].slice(-maxSamples));
  }
  return Object.fromEntries([...samples].map(([name, times]) => [name, findPercentiles(times)]));
}

/** Computes percentiles by linear interpolation between the closest ranks, like Testflinger. */
export function findPercentiles(samples: readonly number[]): Percentiles {
  if (samples.length === 0) return {};
  const sorted = [...samples].sort((a, b) => a - b);
  const valueAt = (rank: number): number => sorted[Math.min(rank, sorted.length - 1)] as number;
  return Object.fromEntries(
    percents.map((percent) => {
      const rank = ((sorted.length - 1) * percent) / 100;
      const below = Math.floor(rank);
      return [percent, valueAt(below) + (valueAt(below + 1) - valueAt(below)) * (rank - below)];
    }),
  );
}

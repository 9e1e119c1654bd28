import { type Reply, text } from '../http/reply.js';
import { holderKinds } from './holder-kinds.js';
import type { lateKinds } from './metrics.js';
import type { LeaseServices } from './services.js';

/**
 * The response to what a holder sends about a job. Data that the server discarded, since the holder has lost the job,
 * are counted.
 * @param isTaken whether the job took the data
 */
export function presentDiscarded(
  { metrics }: Pick<LeaseServices, 'metrics'>,
  kind: (typeof lateKinds)[number],
  isTaken: boolean,
): Reply {
  if (isTaken) return text('OK');
  metrics.lateData.inc({ kind });
  return text('OK', { ...holderKinds.agent.lostWriteHeaders });
}

import type { LeaseServices } from './services.js';
import { type Reply, text } from '../http/reply.js';
import type { lateKinds } from './metrics.js';

/**
 * The answer to what an agent sends about a job. When the job is no longer its own (leases.md, section 4) it is told so
 * in a header only: a refusal would make a stock agent resend its outcome for ever.
 */
export function presentDiscarded(
  { metrics }: Pick<LeaseServices, 'metrics'>,
  kind: (typeof lateKinds)[number],
  isTaken: boolean,
): Reply {
  if (isTaken) return text('OK');
  metrics.lateData.inc({ kind });
  return text('OK', { 'Queuepass-Discarded': 'lease-lost' });
}

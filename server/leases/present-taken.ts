import { type Reply, text } from '../http/reply.js';

/**
 * The answer to what an agent sends about a job. When the job is no longer its own (leases.md, section 4) it is told so
 * in a header only: a refusal would make a stock agent resend its outcome for ever.
 */
export function presentTaken(isTaken: boolean): Reply {
  return isTaken ? text('OK') : text('OK', { 'Queuepass-Discarded': 'lease-lost' });
}

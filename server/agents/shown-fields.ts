import type { AgentRecord } from '../leases/collections.js';

/** Fields of an agent's record that the API shows, besides `updated_at`. Its log is not among them. */
export const shownFields = [
  'name',
  'state',
  'queues',
  'location',
  'provision_type',
  'job_id',
  'comment',
  'identifier',
  'provision_streak_type',
  'provision_streak_count',
] as const satisfies readonly (keyof AgentRecord)[];

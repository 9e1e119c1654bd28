/** The phases of a job, in order. */
export const phases = [
  'setup',
  'provision',
  'firmware_update',
  'test',
  'allocate',
  'reserve',
  'cleanup',
] as const;

/** A phase of a job. */
export type Phase = (typeof phases)[number];

import { setting, type ValuesOf } from '../config/setting-row.js';
import { asInteger, asOneOf } from '../config/setting-types.js';

/** Settings of leases and of who holds them. */
export const leaseSettings = {
  rows: {
    agentBinding: setting(
      'AGENT_BINDING',
      asOneOf('record', 'enforce'),
      'record',
      'Whether an agent may write only to a job that it holds, with the client that claimed the job, and use a name only with the client that used it first; `record` logs what `enforce` would refuse.',
    ),
    agentLeases: setting(
      'AGENT_LEASES',
      asOneOf('on', 'off'),
      'on',
      'Whether an agent that sends no requests for the length of its lease loses its job. Data that it sends later is then stored apart from the job.',
    ),
    agentLeaseSeconds: setting(
      'AGENT_LEASE_SECONDS',
      asInteger(1, 7 * 24 * 3600),
      '900',
      'Seconds without a sign of life after which an agent loses its job; in `provision` the `global_timeout` of the job (default 4 h) is added.',
    ),
    jobMaxAttempts: setting(
      'JOB_MAX_ATTEMPTS',
      asInteger(1, 100),
      '2',
      'Attempts after which a job that was lost each time is complete, with status 75 for its phase.',
    ),
  },
};

/** The settings of leases and of who holds them. */
export type LeaseSettings = ValuesOf<typeof leaseSettings.rows>;

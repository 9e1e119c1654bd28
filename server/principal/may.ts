import { findLimit } from './permissions.js';
import type { Principal } from './principal.js';
import { outranks } from './roles.js';

/** Of a job, who may change it. */
interface OwnedJob {
  /** Client id of the submitter; absent when anonymous. */
  submitted_by?: string | undefined;
}

/**
 * Who may do what, beyond the roles that a route is open to. Each rule looks at facts of what it is about, never at a
 * request or a stored record as such.
 */
const rules = {
  /** Cancel a job, or send its attachments: its submitter, managers; a job without a submitter is anyone's. */
  changeJob: (caller: Principal, { submitted_by: owner }: OwnedJob) =>
    isManager(caller) || owner === undefined || owner === caller.clientId,

  /** Submit a job again under its id: its submitter, managers; an anonymous id is free again once its job has ended. */
  resubmitJob: (caller: Principal, { submitted_by: owner, hasEnded }: OwnedJob & { hasEnded: boolean }) =>
    isManager(caller) || (owner === undefined ? hasEnded : owner === caller.clientId),

  /** Give a job a priority on a queue: up to the higher of the limits for `*` and for the queue. */
  setPriority: ({ permissions }: Principal, { queue, priority }: { queue: string; priority: number }) =>
    priority <= findLimit(permissions?.max_priority, queue),

  /** Reserve a device of a queue for so many seconds: up to the higher of the limits for `*` and for the queue. */
  reserve: ({ permissions }: Principal, { queue, seconds }: { queue: string; seconds: number }) =>
    seconds <= findLimit(permissions?.max_reservation_time, queue),

  /** Submit to a restricted queue: clients whose permissions name it. */
  pushToRestricted: ({ permissions }: Principal, { queue }: { queue: string }) =>
    permissions?.allowed_queues?.includes(queue) === true,

  /** Change a client and its keys: callers that the client does not outrank. */
  modifyClient: (caller: Principal, { role = 'contributor' }: { role?: string | undefined }) =>
    !outranks(role, caller.role),

  /** Give a client a role: callers that the role does not outrank. */
  assignRole: (caller: Principal, { role }: { role: string }) => !outranks(role, caller.role),

  /** Change a secret: its owner only, whatever the role. */
  changeSecret: (caller: Principal, { client_id: owner }: { client_id: string }) => caller.clientId === owner,
};

type Rules = typeof rules;

/** What a caller can be allowed or refused. */
export type Action = keyof Rules;

/** Whether a caller may do something, by the facts that the rule needs. */
export function may<A extends Action>(caller: Principal, action: A, facts: Parameters<Rules[A]>[1]): boolean {
  return (rules[action] as (caller: Principal, facts: unknown) => boolean)(caller, facts);
}

function isManager({ role }: Principal): boolean {
  return role === 'manager' || role === 'admin';
}

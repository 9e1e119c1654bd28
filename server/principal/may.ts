import { findLimit } from './permissions.js';
import type { Principal } from './principal.js';
import { isManagingRole, outranks } from './roles.js';

/** The facts about a job that decide who may change it. */
interface OwnedJob {
  /** Client id of the submitter; absent when anonymous. */
  submitted_by?: string | undefined;
}

/** Who holds a job, or held it in an earlier attempt. */
interface HeldBy {
  /** The agent's name. */
  holder?: string | undefined;
  /** Client id of the agent; absent if it is not known. */
  client_id?: string | undefined;
}

/**
 * Who may do what, besides the check of a route's roles. Each rule takes the caller and the facts that it needs, never a
 * request or a whole stored record.
 */
const rules = {
  /** Cancel a job or send its attachments: its submitter and managers; anyone if the job has no submitter. */
  changeJob: (caller: Principal, { submitted_by: owner }: OwnedJob) =>
    isManagingRole(caller.role) || owner === undefined || owner === caller.clientId,

  /** Submit a job again with its id: its submitter and managers; anyone if an anonymous job has ended. */
  resubmitJob: (caller: Principal, { submitted_by: owner, hasEnded }: OwnedJob & { hasEnded: boolean }) =>
    isManagingRole(caller.role) || (owner === undefined ? hasEnded : owner === caller.clientId),

  /** Send something about a job as its holder: the agent of that name, through the client that claimed the job. */
  actAsHolder: ({ agentName, clientId }: Principal, { holder, client_id: client }: HeldBy) =>
    holder !== undefined && holder === agentName && (client === undefined || client === clientId),

  /** Set a job's priority on a queue: up to the higher of the limits for `*` and for the queue. */
  setPriority: ({ permissions }: Principal, { queue, priority }: { queue: string; priority: number }) =>
    priority <= findLimit(permissions?.max_priority, queue),

  /** Reserve a queue's device for a number of seconds: up to the higher of the limits for `*` and for the queue. */
  reserve: ({ permissions }: Principal, { queue, seconds }: { queue: string; seconds: number }) =>
    seconds <= findLimit(permissions?.max_reservation_time, queue),

  /** Submit to a restricted queue: clients whose permissions list it. */
  pushToRestricted: ({ permissions }: Principal, { queue }: { queue: string }) =>
    permissions?.allowed_queues?.includes(queue) === true,

  /** Change a client and its keys: callers whose role is not below the client's. */
  modifyClient: (caller: Principal, { role = 'contributor' }: { role?: string | undefined }) =>
    !outranks(role, caller.role),

  /** Assign a role to a client: callers whose own role is not below it. */
  assignRole: (caller: Principal, { role }: { role: string }) => !outranks(role, caller.role),

  /** Create a key: a key that expires creates only keys that expire no later. */
  createKey: ({ key }: Principal, { expires_at: expiresAt }: { expires_at?: Date | undefined }) =>
    key?.expires_at === undefined || (expiresAt !== undefined && expiresAt <= key.expires_at),

  /** Remove a key: a key that expires removes only itself. */
  removeKey: ({ key }: Principal, { key_id: id }: { key_id: string }) =>
    key?.expires_at === undefined || key.key_id === id,

  /** See and end a session: its own client, and admins. */
  manageSession: (caller: Principal, { client_id: owner }: { client_id: string }) =>
    caller.clientId === owner || caller.role === 'admin',

  /** See the sessions of everybody: admins. */
  listAllSessions: (caller: Principal, _facts: object) => caller.role === 'admin',

  /** Change a secret: its owner only; roles do not matter. */
  changeSecret: (caller: Principal, { client_id: owner }: { client_id: string }) => caller.clientId === owner,
};

type Rules = typeof rules;

/** The name of a rule. */
export type Action = keyof Rules;

/** Returns whether a caller may perform an action, given the facts that its rule needs. */
export function may<A extends Action>(caller: Principal, action: A, facts: Parameters<Rules[A]>[1]): boolean {
  return (rules[action] as (caller: Principal, facts: unknown) => boolean)(caller, facts);
}

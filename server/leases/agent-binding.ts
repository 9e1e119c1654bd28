import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import type { Principal } from '../principal/principal.js';
import type { AgentRecord } from './collections.js';
import { leaseErrors } from './errors.js';
import type { LeaseServices } from './services.js';

/**
 * Checks who uses an agent's name: it belongs to the client that used it first, until the agent has been silent for 7 days. With
 * `AGENT_BINDING=record`, the default, use by another client is logged.
 * @throws ApiError 403 with `AGENT_BINDING=enforce`
 */
export async function checkAgentName(
  deps: Core & Pick<LeaseServices, 'findHolder' | 'config'>,
  caller: Principal,
  name: string,
): Promise<void> {
  if (caller.kind !== 'agent') return;
  const agent = await deps.findHolder(name);
  if (isBoundToOther(agent, caller)) await refuseOrLog(deps, caller, name, leaseErrors.agentNameBound);
}

/** Whether the name belongs to another client than the caller. */
export function isBoundToOther(
  agent: Pick<AgentRecord, 'bound_to'> | undefined,
  { clientId }: Principal,
): boolean {
  return agent?.bound_to !== undefined && agent.bound_to !== clientId;
}

/** Binds a name that is not bound yet. Guarded, so that of two clients at once one gets it. */
export async function bindAgentName(
  deps: Pick<LeaseServices, 'collections'>,
  { kind, clientId }: Principal,
  name: string,
): Promise<void> {
  if (kind !== 'agent' || clientId === undefined) return;
  const filter = { name, bound_to: { $exists: false } };
  await deps.collections.agents.updateOne(filter as object, { $set: { bound_to: clientId } });
}

/** An error for a caller that uses another's job or name. */
type MisuseError = (typeof leaseErrors)[keyof typeof leaseErrors];

/**
 * Logs the use of another's job or name.
 * @param isTaken false when the request has no effect even without a refusal
 * @throws ApiError 403 of the row with `AGENT_BINDING=enforce`
 */
export async function refuseOrLog(
  deps: Core & Pick<LeaseServices, 'config'>,
  caller: Principal,
  target: string,
  error: MisuseError,
  isTaken = true,
): Promise<void> {
  if (await logMisuse(deps, caller, target, error, isTaken)) throw new ApiError(error);
}

/** Logs such a use. Returns true with `AGENT_BINDING=enforce`: then the use must have no effect. */
export async function logMisuse(
  deps: Core & Pick<LeaseServices, 'config'>,
  { actor, kind, source }: Principal,
  target: string,
  error: MisuseError,
  isTaken = true,
): Promise<boolean> {
  const enforced = deps.config.agentBinding === 'enforce';
  await deps.audit({
    event: 'agent_binding',
    outcome: enforced || !isTaken ? 'refused' : 'accepted',
    ...(actor !== undefined && { actor, actor_kind: kind }),
    target,
    source,
    reason: error.code,
  });
  return enforced;
}

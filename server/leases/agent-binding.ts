import type { AgentRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import type { RouteRequest } from '../http/route.js';

/** What tells who an agent is: its client's token and its cookie. */
export type AgentRequest = Pick<RouteRequest, 'caller' | 'cookie' | 'source'>;

/**
 * An agent's name belongs to the client that used it first, until the agent has been silent for 7 days. With
 * `AGENT_BINDING=record`, the default, use by another client is logged.
 * @throws ApiError 403 with `AGENT_BINDING=enforce`
 */
export async function checkAgentName(deps: Deps, request: AgentRequest, name: string): Promise<void> {
  if (request.caller.role !== 'agent') return;
  const agent = await deps.collections.agents.findOne({ name }, { projection: { bound_to: 1 } });
  if (isBoundToOther(agent, request)) refuseOrLog(deps, request, name, 'agent_name_bound');
}

/** Whether the name belongs to another client than the caller. */
export function isBoundToOther(
  agent: Pick<AgentRecord, 'bound_to'> | null,
  { caller }: AgentRequest,
): boolean {
  return agent?.bound_to !== undefined && agent.bound_to !== caller.clientId;
}

/** Binds a name that is not bound yet. Guarded, so that of two clients at once one gets it. */
export async function bindAgentName(deps: Deps, { caller }: AgentRequest, name: string): Promise<void> {
  if (caller.role !== 'agent' || caller.clientId === undefined) return;
  const filter = { name, bound_to: { $exists: false } };
  await deps.collections.agents.updateOne(filter as object, { $set: { bound_to: caller.clientId } });
}

/**
 * Logs the use of a job or a name that belongs to somebody else.
 * @param isTaken false when it has no effect without a refusal too
 * @throws ApiError 403 of the code with `AGENT_BINDING=enforce`
 */
export function refuseOrLog(
  deps: Deps,
  { caller, source }: AgentRequest,
  target: string,
  code: 'job_not_held' | 'agent_name_bound',
  isTaken = true,
): void {
  const enforced = deps.config.agentBinding === 'enforce';
  deps.securityLog({
    event: 'agent_binding',
    outcome: enforced || !isTaken ? 'refused' : 'accepted',
    ...(caller.clientId !== undefined && { actor: caller.clientId }),
    target,
    source,
    reason: code,
  });
  if (enforced) throw new ApiError(code);
}

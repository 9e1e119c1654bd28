import type { WithId } from 'mongodb';
import type { AuthServices } from '../auth/services.js';
import { presentDate } from '../http/present-date.js';
import type { AgentRecord } from '../leases/collections.js';
import { findRestrictedQueues } from '../queues/restricted-queues.js';
import type { QueueServices } from '../queues/services.js';
import type { AgentServices } from './services.js';
import { shownFields } from './shown-fields.js';

type Deps = Pick<AuthServices, 'collections'> &
  Pick<QueueServices, 'collections' | 'restrictionMemory'> &
  Pick<AgentServices, 'findAgentRecord' | 'agentMemory'>;

/** An agent as the API shows it. */
export type ShownAgent = Record<string, unknown>;

/** Finds an agent by name, in the form that the API shows. Returns `undefined` if it does not exist. */
export async function findAgent(deps: Deps, name: string): Promise<ShownAgent | undefined> {
  const record = await deps.findAgentRecord(name);
  return record && presentAgent(record, await findOwners(deps, record));
}

/** What an agent gets about itself. */
export interface OwnAgent {
  agent: ShownAgent | undefined;
  /** The newest write in `agent` as the agent's cookie must name it, if it names another now. */
  newMark?: string | undefined;
}

/** In the cookie: the write was only read, so it is not known to be durable. */
const readPrefix = '~';

/**
 * Returns the record of an agent from memory, if that contains the write that the agent's cookie names.
 * @param known the value of its cookie
 */
export function findRemembered(
  { agentMemory }: Pick<AgentServices, 'agentMemory'>,
  name: string,
  known = '',
): WithId<AgentRecord> | undefined {
  return agentMemory.find(name, readMark(known));
}

const readMark = (known: string) => (known.startsWith(readPrefix) ? known.slice(readPrefix.length) : known);

/**
 * Finds an agent for itself: from memory if that contains the write that the agent's cookie names, else from the database.
 * So an agent never gets less than it wrote or got before, through whichever process.
 * @param known the value of its cookie
 */
export async function findOwnAgent(deps: Deps, name: string, known = ''): Promise<OwnAgent> {
  const mark = readMark(known);
  let record = findRemembered(deps, name, known);
  let newMark = record?.write_mark;
  if (record === undefined) {
    const addToMemory = deps.agentMemory.beginRead();
    record = await deps.findAgentRecord(name);
    if (record === undefined) return { agent: undefined };
    addToMemory(record, mark === known ? mark : undefined);
    // Without a mark, as another program left it, no memory can be as new.
    const { write_mark: found = '' } = record;
    newMark = found === mark && known !== '' ? known : readPrefix + found;
  }
  // As at a submit, a restriction may be one second old.
  const isFree = deps.restrictionMemory.areUnrestricted(record.queues ?? []);
  const agent = presentAgent(record, isFree ? {} : await findOwners(deps, record));
  return { agent, newMark: newMark === known ? undefined : newMark };
}

/** Finds the owners of those of an agent's queues that are restricted. */
async function findOwners(
  deps: Pick<AuthServices, 'collections'> & Pick<QueueServices, 'collections'>,
  { queues }: AgentRecord,
): Promise<Record<string, string[]>> {
  if (!queues?.length) return {};
  const restricted = await findRestrictedQueues(deps, queues);
  return Object.fromEntries(restricted.map(({ queue, owners }) => [queue, owners]));
}

/**
 * Formats an agent for the API, with the owners of its restricted queues. No field is ever null, because the stock
 * agent expects every present field to be a text or a list.
 */
export function presentAgent(
  record: AgentRecord,
  restrictedTo: Record<string, string[]>,
): Record<string, unknown> {
  const fields = shownFields.filter((field) => record[field] != null).map((field) => [field, record[field]]);
  return {
    ...Object.fromEntries(fields),
    ...(record.updated_at && { updated_at: presentDate(record.updated_at) }),
    restricted_to: restrictedTo,
  };
}

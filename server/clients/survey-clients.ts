import { isBcryptHash } from '../auth/bcrypt-pool.js';
import type { Survey } from '../core/adoption.js';
import { containsLong } from '../schema/long.js';
import { presentSecretsNamespace } from './secrets-namespace.js';

/**
 * Reports clients whose records do not allow a login, ids that are stored more than once, ids that share a secrets namespace, and
 * people whose ids a Testflinger server changes.
 */
export const surveyClients: Survey = async (db) => {
  const problems: string[] = [];
  const ids = new Map<string, number>();
  const records = db.collection('client_permissions').find(
    {},
    {
      projection: {
        client_id: 1,
        client_secret_hash: 1,
        max_priority: 1,
        max_reservation_time: 1,
        sub: 1,
        email: 1,
      },
    },
  );
  let unbounded = 0;
  const renamed: string[] = [];
  for await (const { client_id: id, client_secret_hash: hash, sub, email, ...limits } of records) {
    unbounded += containsLong([limits.max_priority, limits.max_reservation_time]) ? 1 : 0;
    if (typeof id !== 'string') {
      problems.push('a record without a client_id cannot be used');
      continue;
    }
    ids.set(id, (ids.get(id) ?? 0) + 1);
    if (sub != null && email != null && email !== id) renamed.push(`${id} (${email})`);
    if (hash != null && !isBcryptHash(hash))
      problems.push(`client ${id} cannot log in: its hash is not a bcrypt hash`);
  }
  for (const [id, count] of ids)
    if (count > 1) problems.push(`client ${id} is stored ${count} times; keep one`);
  const notes = groupByNamespace([...ids.keys()]).map(
    (sharers) => `share one secrets namespace: ${sharers.join(', ')}`,
  );
  if (renamed.length > 0)
    notes.push(
      `people whose client id is not their e-mail address; a Testflinger server changes it when they log in there: ${renamed.join(', ')}`,
    );
  if (unbounded > 0) notes.push(`${unbounded} have a limit beyond 2^53-1, which counts as 2^53-1`);
  return { changes: [], problems, notes };
};

/** Returns the groups of ids whose secrets are in one collection. */
function groupByNamespace(ids: readonly string[]): string[][] {
  const byNamespace = new Map<string, string[]>();
  for (const id of ids) {
    const namespace = presentSecretsNamespace(id);
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), id]);
  }
  return [...byNamespace.values()].filter((sharers) => sharers.length > 1);
}

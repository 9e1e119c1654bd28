import type { Collection } from 'mongodb';
import type { ClientRecord } from '../principal/client-record.js';

/** Milliseconds for which a cost that was read is used. */
const keptMs = 60_000;

/**
 * Reads the cost in the text of a hash, whose two digits sort like numbers. Costs above 14 do not count: every failed login
 * would take as long as a login with such a hash, which is many seconds.
 */
const findHighest = [
  { $match: { client_secret_hash: /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/ } },
  { $group: { _id: null, cost: { $max: { $substrCP: ['$client_secret_hash', 4, 2] } } } },
];

/**
 * Creates the function that returns the highest bcrypt cost of all stored hashes, and `minimum` if it is higher. A failed
 * login takes as long as a hash of that cost, so that its time does not show which clients exist. It reads all clients at
 * most once a minute, and only when logins fail.
 */
export function createDearestCost(clients: Collection<ClientRecord>, minimum: number): () => Promise<number> {
  let known: { cost: Promise<number>; until: number } | undefined;
  const read = async () => {
    const [found] = await clients.aggregate<{ cost: string }>(findHighest).toArray();
    return Math.max(minimum, Number(found?.cost ?? minimum));
  };
  return async () => {
    const now = performance.now();
    if (known === undefined || known.until <= now) known = { cost: read(), until: now + keptMs };
    try {
      return await known.cost;
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}

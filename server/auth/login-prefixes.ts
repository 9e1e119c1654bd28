import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import type { Core } from '../core/core.js';
import { daySeconds } from '../core/index-row.js';
import { sha256 } from '../crypto/digest.js';
import type { AuthCollections } from './collections.js';

/** The client id and address by which a login is counted. */
export interface LoginOrigin {
  clientId: string;
  source: string;
  /** The ids that the login may mean, if that is not `clientId` alone. */
  readings?: readonly string[];
}

/** Milliseconds for which a process does not store a further login of a client from an address. */
const storedMs = 3600_000;

const knownMs = 30 * daySeconds * 1000;

/** Remembers the networks from which each client has logged in during the last 30 days. */
export class LoginPrefixes {
  /** When this process last stored a login, in milliseconds, by client and address. */
  readonly #stored = new LRUCache<string, number>({ max: 10_000 });

  constructor(
    private readonly deps: Pick<Core, 'clock' | 'log'> & {
      collections: Pick<AuthCollections, 'loginPrefixes'>;
    },
  ) {}

  /**
   * Stores a login, at most once an hour for each client and address; a failure does not fail the login.
   * @returns `undefined` if there is nothing to store
   */
  note(origin: LoginOrigin): Promise<void> | undefined {
    const key = `${origin.source}\0${origin.clientId}`;
    const now = this.deps.clock.now();
    const storedAt = this.#stored.get(key);
    if (storedAt !== undefined && now.getTime() - storedAt < storedMs) return undefined;
    this.#stored.set(key, now.getTime());
    return this.#store(origin, now);
  }

  async #store({ clientId, source }: LoginOrigin, now: Date): Promise<void> {
    const { collections, log } = this.deps;
    const filter = { client_id: clientId, prefix: digestPrefix(source) };
    try {
      await collections.loginPrefixes.updateOne(filter, { $max: { last_login: now } }, { upsert: true });
    } catch (error) {
      this.#stored.delete(`${source}\0${clientId}`);
      log.warn({ err: error, client_id: clientId }, 'could not store the network of a login');
    }
  }

  /** Returns whether the client has logged in from the address's network in the last 30 days. */
  async isKnown({ clientId, source, readings = [clientId] }: LoginOrigin): Promise<boolean> {
    const since = new Date(this.deps.clock.now().getTime() - knownMs);
    const filter = {
      client_id: { $in: [...readings] },
      prefix: digestPrefix(source),
      last_login: { $gte: since },
    };
    return (await this.deps.collections.loginPrefixes.findOne(filter)) !== null;
  }
}

function digestPrefix(source: string): string {
  return sha256(presentPrefix(source), 'base64url');
}

/** Returns the network of an address as logs show it: `192.0.2.0/24`, `2001:db8:1::/48`; the text itself if it is none. */
export function presentPrefix(source: string): string {
  const address = source.replace(/\/64$/, '');
  if (isIPv4(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
  if (!ipaddr.IPv6.isValid(address)) return source;
  const parts = ipaddr.IPv6.parse(address).parts.slice(0, 3);
  return `${parts.map((part) => part.toString(16)).join(':')}::/48`;
}

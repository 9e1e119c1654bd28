import { isLoopback } from '../config/loopback.js';
import type { ListenAddress, TrustedProxies } from '../config/setting-types.js';

/** The settings that decide which host names are allowed. */
export interface HostSettings {
  listen: ListenAddress;
  trustProxy: TrustedProxies;
  publicUrl: string | undefined;
  allowedHosts: readonly string[];
}

/**
 * Creates the function that returns whether a request may name a host, given as in a `Host` header. Only a TCP listener
 * on a loopback address without a trusted proxy has a restriction: a web page that a person of this machine opens could
 * otherwise call it, under a name that resolves to this machine (DNS rebinding).
 */
export function createHostCheck(settings: HostSettings): (host: string) => boolean {
  const { listen, trustProxy, publicUrl, allowedHosts } = settings;
  const isRestricted = 'host' in listen && isLoopback(listen.host) && trustProxy === 0;
  if (!isRestricted || allowedHosts.includes('*')) return () => true;
  const allowed = new Set(allowedHosts);
  if (publicUrl !== undefined) allowed.add(readName(new URL(publicUrl).host));
  return (host) => {
    const name = readName(host);
    return isLoopback(name) || name.endsWith('.localhost') || allowed.has(name);
  };
}

/** Returns the name in a `Host` header, in lower case, without its port, brackets and final dot. */
function readName(host: string): string {
  const [, bracketed, bare] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.trim().toLowerCase()) ?? [];
  return bracketed ?? bare?.replace(/\.$/, '') ?? '';
}

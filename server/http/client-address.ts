import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import proxyAddr from 'proxy-addr';
import type { TrustedProxies } from '../config/setting-types.js';

/** What the connection and the proxies that are trusted tell of a client. */
export interface ClientAddress {
  /** An IPv4 address, an IPv6 network of 64 bits, or `local` for a unix socket without trusted proxies. */
  source: string;
  secure: boolean;
}

/** Reads where a request comes from. */
export type ReadClientAddress = (request: IncomingMessage) => ClientAddress;

/**
 * Prepares the reading of client addresses. A unix-socket peer has no address: it is a trusted hop when any proxy
 * is trusted, since only a local proxy can reach it.
 * @param warn is told once, when `X-Forwarded-For` comes and no proxy is trusted
 */
export function createClientAddressReader(
  trusted: TrustedProxies,
  warn: (text: string) => void,
): ReadClientAddress {
  const isTrusted = compileTrust(trusted);
  const trustsSome = trusted !== 0;
  let warned = false;
  return (request) => {
    const peer = request.socket.remoteAddress ?? '';
    const forwarded = request.headers['x-forwarded-for'];
    if (!trustsSome && forwarded !== undefined && !warned) {
      warned = true;
      warn('X-Forwarded-For is ignored, since no proxy is trusted: set TRUST_PROXY when one stands in front');
    }
    const addresses = trustsSome ? readForwarded(request, peer, isTrusted) : [peer];
    const isFromTrusted = trustsSome && isTrusted(peer, 0);
    const proto = isFromTrusted
      ? String(request.headers['x-forwarded-proto'] ?? '')
          .split(',')
          .at(-1)
          ?.trim()
      : '';
    return { source: presentSource(addresses.at(-1) ?? peer), secure: proto === 'https' };
  };
}

function compileTrust(trusted: TrustedProxies): (address: string, hop: number) => boolean {
  if (typeof trusted === 'number') return (_, hop) => hop < trusted;
  const compiled = proxyAddr.compile(trusted);
  return (address, hop) => address === '' || compiled(address, hop);
}

/** From the peer outwards, up to the first address that is not trusted. */
function readForwarded(
  request: IncomingMessage,
  peer: string,
  isTrusted: (address: string, hop: number) => boolean,
): string[] {
  const header = request.headers['x-forwarded-for'];
  const told = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .filter((part) => part.trim());
  const chain = [peer];
  for (const part of told.reverse()) {
    if (!isTrusted(chain.at(-1) as string, chain.length - 1)) break;
    const address = readAddress(part);
    // What stands before an entry that cannot be read may be the client's own invention.
    if (address === undefined) break;
    chain.push(address);
  }
  return chain;
}

/** An entry of `X-Forwarded-For`: an address, that of IPv6 also in brackets, and either with a port. */
function readAddress(entry: string): string | undefined {
  const text = entry.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare) ? bare : undefined;
}

function presentSource(address: string): string {
  // Every request comes here, and this is how most addresses look.
  if (isIPv4(address)) return address;
  if (!ipaddr.isValid(address)) return 'local';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const parts = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${parts.join(':')}::/64`;
}

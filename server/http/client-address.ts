import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import proxyAddr from 'proxy-addr';
import type { TrustedProxies } from '../config/setting-types.js';

/** A client's address and protocol, from the connection and the headers of trusted proxies. */
export interface ClientAddress {
  /** An IPv4 address, an IPv6 network of 64 bits, or `local` for a unix socket without trusted proxies. */
  source: string;
  /** The client uses https to reach the nearest trusted proxy. */
  secure: boolean;
  /** The host that a trusted proxy reports; absent if there is no such proxy, or it reports none. */
  forwardedHost?: string;
}

/** Reads the client's address from a request. */
export type ReadClientAddress = (request: IncomingMessage) => ClientAddress;

/**
 * Creates the function that reads client addresses. A unix-socket peer has no address: it is a trusted hop when any
 * proxy is trusted, since only a local proxy can reach it.
 * @param warn called once, when a request has `X-Forwarded-For` and no proxy is trusted
 */
export function createClientAddressReader(
  trusted: TrustedProxies,
  warn: (text: string) => void,
): ReadClientAddress {
  const isTrusted = compileTrust(trusted);
  const trustsAnyProxy = trusted !== 0;
  let warned = false;
  return (request) => {
    const peer = request.socket.remoteAddress ?? '';
    const forwarded = request.headers['x-forwarded-for'];
    if (!trustsAnyProxy && forwarded !== undefined && !warned) {
      warned = true;
      warn(
        'X-Forwarded-For is ignored because no proxy is trusted: set TRUST_PROXY if a proxy is in front of this server',
      );
    }
    const addresses = trustsAnyProxy ? readForwarded(request, peer, isTrusted) : [peer];
    const isFromTrusted = trustsAnyProxy && isTrusted(peer, 0);
    const source = presentSource(addresses.at(-1) ?? peer);
    if (!isFromTrusted) return { source, secure: false };
    const secure = readLast(request, 'x-forwarded-proto') === 'https';
    const forwardedHost = readLast(request, 'x-forwarded-host');
    return { source, secure, ...(forwardedHost && { forwardedHost }) };
  };
}

/** Returns the last value of a header that each proxy may extend: the one that the nearest proxy wrote. */
function readLast({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return value === undefined ? undefined : String(value).split(',').at(-1)?.trim();
}

function compileTrust(trusted: TrustedProxies): (address: string, hop: number) => boolean {
  if (typeof trusted === 'number') return (_, hop) => hop < trusted;
  const compiled = proxyAddr.compile(trusted);
  return (address, hop) => address === '' || compiled(address, hop);
}

/** Returns the addresses from the peer outwards, up to and including the first that is not trusted. */
function readForwarded(
  request: IncomingMessage,
  peer: string,
  isTrusted: (address: string, hop: number) => boolean,
): string[] {
  const header = request.headers['x-forwarded-for'];
  const entries = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .filter((part) => part.trim());
  const chain = [peer];
  for (const part of entries.reverse()) {
    if (!isTrusted(chain.at(-1) as string, chain.length - 1)) break;
    const address = readAddress(part);
    // The client may have forged every entry before one that is not an address.
    if (address === undefined) break;
    chain.push(address);
  }
  return chain;
}

/** Reads an entry of `X-Forwarded-For`: an IPv4 address, or an IPv6 address with or without brackets; each may have a port. */
function readAddress(entry: string): string | undefined {
  const text = entry.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare) ? bare : undefined;
}

function presentSource(address: string): string {
  // A shortcut, since every request needs this and most addresses are IPv4.
  if (isIPv4(address)) return address;
  if (!ipaddr.isValid(address)) return 'local';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const parts = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${parts.join(':')}::/64`;
}

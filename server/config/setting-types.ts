import ipaddr from 'ipaddr.js';

/** How each kind of setting is read from its text; every reader throws an `Error` whose message ends the sentence "NAME ...". */
export type SettingReader<T> = (text: string) => T;

/** Any text, blanks at its ends included. */
export const asText: SettingReader<string> = (text) => text;

/** The name or address of a host; an IPv6 address with or without its brackets. */
export const asHost: SettingReader<string> = (text) => {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (/^[\w.:%-]+$/.test(host) && (!host.includes(':') || ipaddr.IPv6.isValid(host))) return host;
  throw new Error('must be a host name or an IP address');
};

/** A host as it stands in a connection string: no text that would become another part of it. */
export const asUriHost: SettingReader<string> = (text) => {
  if (/^[^\s/@?#]+$/.test(text)) return text;
  throw new Error('must be a host name or an IP address');
};

/** An http or https URL, kept as it is. */
export const asWebUrl: SettingReader<string> = (text) => {
  if (/^https?:\/\/[^/?#@]/i.test(text) && URL.canParse(text)) return text;
  throw new Error('must be a URL that begins with http:// or https://');
};

/** `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`, in any case. */
export const asBoolean: SettingReader<boolean> = (text) => {
  const word = text.trim().toLowerCase();
  if (['true', 'yes', 'on', '1'].includes(word)) return true;
  if (['false', 'no', 'off', '0'].includes(word)) return false;
  throw new Error('must be true or false');
};

/** A whole number from `min` to `max`, both included. */
export function asInteger(min: number, max: number): SettingReader<number> {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text.trim()) && value >= min && value <= max) return value;
    throw new Error(`must be a whole number from ${min} to ${max}`);
  };
}

/** One of the given words. */
export function asOneOf<const W extends string>(...words: W[]): SettingReader<W> {
  return (text) => {
    const found = words.find((word) => word === text.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new Error(`must be one of: ${words.join(', ')}`);
  };
}

/** A JSON array of texts that are not empty. */
export const asStringList: SettingReader<string[]> = (text) => {
  const wrong = new Error('must be a JSON array of texts, such as ["first", "second"]');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || item === '')) throw wrong;
  return value as string[];
};

/** Where the server listens: a TCP address, a unix socket, or the socket that systemd passes as descriptor 3. */
export type ListenAddress = { host: string; port: number } | { path: string } | { fd: number };

/** `host:port`, `[ipv6]:port`, `/path` or `systemd`. */
export const asListenAddress: SettingReader<ListenAddress> = (text) => {
  if (text === 'systemd') return { fd: 3 };
  if (text.startsWith('/')) return { path: text };
  const match = /^(?:(\[[^\]]+\])|([\w.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  try {
    const host = asHost(match?.[1] ?? match?.[2] ?? '');
    if (port <= 65535 && host.includes(':') === (match?.[1] !== undefined)) return { host, port };
  } catch {
    // Told below, with the other forms.
  }
  throw new Error('must be host:port, an absolute path of a unix socket, or the word systemd');
};

/** A path prefix such as `/queuepass`, without a slash at its end; empty for none. */
export const asBasePath: SettingReader<string> = (text) => {
  const path = text.replace(/\/+$/, '');
  // Clients resolve `.` and `..` away before they ask.
  const isPath = /^(\/[A-Za-z0-9._~-]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path);
  if (path === '' || isPath) return path;
  throw new Error('must be a path such as /queuepass');
};

/** Which proxies are believed: a count of hops, or the networks they are in. */
export type TrustedProxies = number | string[];

/** A hop count (`0`, `1`), or a list of CIDRs separated by commas. */
export const asTrustedProxies: SettingReader<TrustedProxies> = (text) => {
  if (/^\d{1,2}$/.test(text.trim())) return Number(text);
  const networks = text.split(',').map((network) => network.trim());
  if (networks.every(isNetwork)) return networks;
  throw new Error('must be a number of hops or a list of CIDRs such as 10.0.0.0/8,fd00::/8');
};

function isNetwork(text: string): boolean {
  const address = text.split('/')[0] ?? '';
  // ipaddr.js takes short forms such as `10` for addresses.
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return false;
  return address === text || ipaddr.isValidCIDR(text);
}

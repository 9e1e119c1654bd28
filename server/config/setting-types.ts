import ipaddr from 'ipaddr.js';

/** Reads the value of a setting from its text. It throws an `Error` whose message ends the sentence "NAME ...". */
export type SettingReader<T> = (text: string) => T;

/** Reads any text, including white space at its ends. */
export const asText: SettingReader<string> = (text) => text;

/** Reads a host name or IP address; brackets around an IPv6 address are optional and are removed. */
export const asHost: SettingReader<string> = (text) => {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (/^[\w.:%-]+$/.test(host) && (!host.includes(':') || ipaddr.IPv6.isValid(host))) return host;
  throw new Error('must be a host name or an IP address');
};

/** Reads host names or IP addresses, separated by commas, in lower case; `*` stands for every name. */
export const asHostList: SettingReader<string[]> = (text) =>
  text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '')
    .map((part) => (part === '*' ? part : asHost(part)));

/** Reads a host for a connection string: text that would become another part of the string is refused. */
export const asUriHost: SettingReader<string> = (text) => {
  if (/^[^\s/@?#]+$/.test(text)) return text;
  throw new Error('must be a host name or an IP address');
};

/** Reads an http or https URL and returns it unchanged. */
export const asWebUrl: SettingReader<string> = (text) => {
  if (/^https?:\/\/[^/?#@]/i.test(text) && URL.canParse(text)) return text;
  throw new Error('must be a URL that begins with http:// or https://');
};

/** Reads `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`, in any case. */
export const asBoolean: SettingReader<boolean> = (text) => {
  const value = text.trim().toLowerCase();
  if (['true', 'yes', 'on', '1'].includes(value)) return true;
  if (['false', 'no', 'off', '0'].includes(value)) return false;
  throw new Error('must be true or false');
};

/** Reads a whole number from `min` to `max`, both included. */
export function asInteger(min: number, max: number): SettingReader<number> {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text.trim()) && value >= min && value <= max) return value;
    throw new Error(`must be a whole number from ${min} to ${max}`);
  };
}

/** Reads one of the given lower-case values, in any case. */
export function asOneOf<const V extends string>(...values: V[]): SettingReader<V> {
  return (text) => {
    const found = values.find((value) => value === text.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new Error(`must be one of: ${values.join(', ')}`);
  };
}

/** Reads a JSON array of strings that are not empty. */
export const asStringList: SettingReader<string[]> = (text) => {
  const invalid = new Error('must be a JSON array of strings, such as ["first", "second"]');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid;
  }
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || item === '')) throw invalid;
  return value as string[];
};

/** Where the server listens: a TCP address, a unix socket, or the socket that systemd passes as descriptor 3. */
export type ListenAddress = { host: string; port: number } | { path: string } | { fd: number };

/** Reads `host:port`, `[ipv6]:port`, `/path` or `systemd`. */
export const asListenAddress: SettingReader<ListenAddress> = (text) => {
  if (text === 'systemd') return { fd: 3 };
  if (text.startsWith('/')) return { path: text };
  const match = /^(?:(\[[^\]]+\])|([\w.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  try {
    const host = asHost(match?.[1] ?? match?.[2] ?? '');
    if (port <= 65535 && host.includes(':') === (match?.[1] !== undefined)) return { host, port };
  } catch {
    // The error below names all forms.
  }
  throw new Error('must be host:port, an absolute path of a unix socket, or the word systemd');
};

/** Reads a path prefix such as `/queuepass` and removes slashes at its end; an empty text means no prefix. */
export const asBasePath: SettingReader<string> = (text) => {
  const path = text.replace(/\/+$/, '');
  // Clients resolve `.` and `..` before they send a request, so such a prefix would never match.
  const isPath = /^(\/[A-Za-z0-9._~-]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path);
  if (path === '' || isPath) return path;
  throw new Error('must be a path such as /queuepass');
};

/** The proxies whose forwarded addresses are trusted: a number of hops, or the networks of the proxies. */
export type TrustedProxies = number | string[];

/** Reads a number of hops (`0`, `1`), or a list of CIDRs separated by commas. */
export const asTrustedProxies: SettingReader<TrustedProxies> = (text) => {
  if (/^\d{1,2}$/.test(text.trim())) return Number(text);
  const networks = text.split(',').map((network) => network.trim());
  if (networks.every(isNetwork)) return networks;
  throw new Error('must be a number of hops or a list of CIDRs such as 10.0.0.0/8,fd00::/8');
};

function isNetwork(text: string): boolean {
  const address = text.split('/')[0] ?? '';
  // ipaddr.js accepts short forms such as `10` as addresses.
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return false;
  return address === text || ipaddr.isValidCIDR(text);
}

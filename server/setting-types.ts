/** How each kind of setting is read from its text; every reader throws an `Error` whose message ends the sentence "NAME ...". */
export type SettingReader<T> = (text: string) => T;

/** Any text, blanks at its ends included. */
export const asText: SettingReader<string> = (text) => text;

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
export function asWord<const W extends string>(...words: W[]): SettingReader<W> {
  return (text) => {
    const found = words.find((word) => word === text.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new Error(`must be one of: ${words.join(', ')}`);
  };
}

/** A JSON array of texts that are not empty. */
export const asTextList: SettingReader<string[]> = (text) => {
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
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new Error('must be host:port, an absolute path of a unix socket, or the word systemd');
  }
  return { host, port };
};

/** A path prefix such as `/queuepass`, without a slash at its end; empty for none. */
export const asBasePath: SettingReader<string> = (text) => {
  const path = text.replace(/\/+$/, '');
  if (path === '' || /^(\/[A-Za-z0-9._~-]+)+$/.test(path)) return path;
  throw new Error('must be a path such as /queuepass');
};

/** Which proxies are believed: a count of hops, or the networks they are in. */
export type TrustedProxies = number | string[];

/** A hop count (`0`, `1`), or a list of CIDRs separated by commas. */
export const asTrustedProxies: SettingReader<TrustedProxies> = (text) => {
  if (/^\d{1,2}$/.test(text.trim())) return Number(text);
  const networks = text.split(',').map((network) => network.trim());
  if (networks.every((network) => /^[0-9a-fA-F:.]+(\/\d{1,3})?$/.test(network))) return networks;
  throw new Error('must be a number of hops or a list of CIDRs such as 10.0.0.0/8,fd00::/8');
};

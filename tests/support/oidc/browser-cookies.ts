/** A cookie as a browser keeps it. */
export interface BrowserCookie {
  name: string;
  value: string;
  path: string;
  secure: boolean;
  httpOnly: boolean;
  sameSite: 'strict' | 'lax' | 'none';
  /** Milliseconds since the epoch; absent for a cookie that ends with the browser. */
  expiresAt?: number;
}

/** How a request came about, which decides about `SameSite`. */
export interface RequestKind {
  crossSite: boolean;
  method: string;
}

const isLoopback = (host: string) => /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

/**
 * The cookies of a browser, by origin: two servers on ports of 127.0.0.1 stand for two hosts. It follows Chromium:
 * `Secure` is accepted on plain http from a loopback host, and a `__Host-` cookie must be `Secure`, without `Domain`, and
 * for the path `/`.
 */
export class BrowserCookies {
  /** The `Set-Cookie` lines that the browser ignored. */
  readonly refused: string[] = [];
  readonly #origins = new Map<string, Map<string, BrowserCookie>>();

  /** Returns the cookies of an origin that have not expired. */
  of(origin: string): BrowserCookie[] {
    const kept = [...(this.#origins.get(origin)?.values() ?? [])];
    return kept.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > Date.now());
  }

  find(origin: string, name: string): BrowserCookie | undefined {
    return this.of(origin).find((cookie) => cookie.name === name);
  }

  /** Stores a cookie, for example one that is copied from another browser. */
  set(origin: string, cookie: BrowserCookie): void {
    const jar = this.#origins.get(origin) ?? new Map<string, BrowserCookie>();
    this.#origins.set(origin, jar.set(`${cookie.name};${cookie.path}`, cookie));
  }

  delete(origin: string, name: string): void {
    for (const { path } of this.of(origin).filter((cookie) => cookie.name === name)) {
      this.#origins.get(origin)?.delete(`${name};${path}`);
    }
  }

  /** Stores the cookies of a response. */
  read(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = readCookie(url, line);
      if (cookie === undefined) this.refused.push(line);
      else this.set(url.origin, cookie);
    }
  }

  /** Returns the `Cookie` header of a request, or undefined. */
  header(url: URL, kind: RequestKind): string | undefined {
    const isSafe = kind.method === 'GET' || kind.method === 'HEAD';
    const sent = this.of(url.origin).filter(
      ({ path, sameSite }) =>
        isBelow(url.pathname, path) &&
        (!kind.crossSite || sameSite === 'none' || (sameSite === 'lax' && isSafe)),
    );
    // Longer paths first (RFC 6265, section 5.4).
    sent.sort((a, b) => b.path.length - a.path.length);
    return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }
}

function isBelow(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** Reads a `Set-Cookie` line. Returns undefined for a cookie that Chromium refuses. */
function readCookie(url: URL, line: string): BrowserCookie | undefined {
  const [pair = '', ...rest] = line.split(';');
  const equals = pair.indexOf('=');
  const attributes = new Map(
    rest.map((text) => {
      const [name = '', ...value] = text.trim().split('=');
      return [name.toLowerCase(), value.join('=')] as const;
    }),
  );
  const path = attributes.get('path');
  const sameSite = attributes.get('samesite')?.toLowerCase();
  const expiresAt = readEnd(attributes);
  const cookie: BrowserCookie = {
    name: pair.slice(0, equals).trim(),
    value: pair.slice(equals + 1).trim(),
    path: path?.startsWith('/') ? path : defaultPath(url.pathname),
    secure: attributes.has('secure'),
    httpOnly: attributes.has('httponly'),
    // Chromium treats a cookie without the attribute as `Lax`.
    sameSite: sameSite === 'strict' || sameSite === 'none' ? sameSite : 'lax',
    ...(expiresAt !== undefined && { expiresAt }),
  };
  const isTrusted = url.protocol === 'https:' || isLoopback(url.hostname);
  if (equals < 1 || (cookie.secure && !isTrusted) || (cookie.sameSite === 'none' && !cookie.secure)) return;
  const domain = attributes.get('domain');
  if (domain !== undefined && domain.replace(/^\./, '') !== url.hostname) return;
  if (/^__secure-/i.test(cookie.name) && !cookie.secure) return;
  const isHostCookie = cookie.secure && path === '/' && domain === undefined;
  return /^__host-/i.test(cookie.name) && !isHostCookie ? undefined : cookie;
}

function defaultPath(pathname: string): string {
  return pathname.slice(0, Math.max(1, pathname.lastIndexOf('/')));
}

/** `Max-Age` wins over `Expires`. */
function readEnd(attributes: ReadonlyMap<string, string>): number | undefined {
  const maxAge = attributes.get('max-age');
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Date.now() + Number(maxAge) * 1000;
  const expires = Date.parse(attributes.get('expires') ?? '');
  return Number.isNaN(expires) ? undefined : expires;
}

import { isLoopback } from '../config/loopback.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';

/** Where clients reach this server, as `PUBLIC_URL` or a request names it. */
export interface OwnOrigin {
  /** As browsers send it in `Origin`: `https://lab.example`. */
  origin: string;
  /** The path that all links begin with: that of `PUBLIC_URL`, to which a proxy may add what it removes, and the base path. */
  basePath: string;
  /** The origin and that path. */
  baseUrl: string;
  isHttps: boolean;
  /** The host is a name or an address of the client's own machine. */
  isLoopback: boolean;
}

/** The parts of a request that name the server. */
export interface NamedHost {
  host: string | undefined;
  /** The client uses https. */
  secure: boolean;
}

/**
 * Returns where a client reaches this server: by `PUBLIC_URL`, whose path may have the base path or leave it out; without it, as
 * the request names the server.
 * @throws ApiError 400 for a host that is not part of a valid URL
 */
export function readOwnOrigin(
  { publicUrl, basePath }: { publicUrl: string | undefined; basePath: string },
  { host = '', secure }: NamedHost,
): OwnOrigin {
  const text = publicUrl ?? `${secure ? 'https' : 'http'}://${host}`;
  const isNamed = publicUrl !== undefined || /^[^\s/?#@\\]+$/.test(host);
  if (!isNamed || !URL.canParse(text)) throw new ApiError(commonErrors.badRequest);
  const { origin, hostname, protocol, pathname } = new URL(text);
  const given = pathname.replace(/\/+$/, '');
  const path = given.endsWith(basePath) ? given : given + basePath;
  return {
    origin,
    basePath: path,
    baseUrl: origin + path,
    isHttps: protocol === 'https:',
    isLoopback: isLoopback(hostname.replace(/^\[(.*)\]$/, '$1')) || hostname.endsWith('.localhost'),
  };
}

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './cli-error.js';

/** The address of a server: an origin or a unix socket, and the path before every route. */
export interface ServerAddress {
  /** The address as the user wrote it. */
  text: string;
  /** `http://host:port`; a placeholder for a socket. */
  origin: string;
  socketPath?: string;
  /** Without a trailing slash; may be empty. */
  basePath: string;
}

/**
 * Reads `http://host:port/base`, `https://...` or `unix:/path/of.sock/base`.
 * @throws UsageError for anything else, also for a URL with a password or a query
 */
export function readServerAddress(text: string): ServerAddress {
  if (text.startsWith('unix:/')) return readSocketAddress(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new UsageError('the server must be given as http://host:port, https://host or unix:/path/of.sock');
  }
  return { text, origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
}

// The base path follows the path of the socket, so the search for the socket starts with the whole path.
function readSocketAddress(text: string): ServerAddress {
  const path = text.slice('unix:'.length).replace(/\/+$/, '');
  let socketPath = path;
  while (socketPath !== '/' && !isSocket(socketPath)) socketPath = dirname(socketPath);
  if (socketPath === '/') socketPath = path;
  return { text, origin: 'http://localhost', socketPath, basePath: path.slice(socketPath.length) };
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Returns the arguments of a curl command for a route of this server. */
export function presentCurl({ origin, socketPath, basePath }: ServerAddress, path: string): string {
  const socket = socketPath === undefined ? '' : `--unix-socket '${socketPath}' `;
  return `${socket}${origin}${basePath}${path}`;
}

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './cli-error.js';

/** Where a server is: an origin, or a unix socket, and the path before every route. */
export interface ServerAddress {
  /** As it was given. */
  text: string;
  /** `http://host:port`; for a socket, a name that stands for it. */
  origin: string;
  socketPath?: string;
  /** Without a slash at its end; empty for none. */
  basePath: string;
}

/**
 * Reads `http://host:port/base`, `https://...` or `unix:/path/of.sock/base`.
 * @throws UsageError for anything else, a URL with a password or a query in it included.
 */
export function readServerAddress(text: string): ServerAddress {
  if (text.startsWith('unix:/')) return readSocketAddress(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new UsageError('a server is named as http://host:port, https://host or unix:/path/of.sock');
  }
  return { text, origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
}

// What follows the socket in the path is the base path, so the socket is looked for from the end.
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

/** The beginning of a curl command for a route of this server. */
export function presentCurl({ origin, socketPath, basePath }: ServerAddress, path: string): string {
  const socket = socketPath === undefined ? '' : `--unix-socket '${socketPath}' `;
  return `${socket}${origin}${basePath}${path}`;
}

import { type Dispatcher, EnvHttpProxyAgent, errors } from 'undici';
import type { CoreSettings } from '../core/core.js';

/**
 * Creates the dispatcher of outbound requests, which uses the proxies that the settings name. Empty strings prevent undici from
 * reading the proxies from the environment itself.
 */
export function createOutboundDispatcher({
  httpProxy,
  httpsProxy,
  noProxy,
}: Pick<CoreSettings, 'httpProxy' | 'httpsProxy' | 'noProxy'>): Dispatcher {
  return new EnvHttpProxyAgent({
    httpProxy: presentProxy(httpProxy),
    httpsProxy: presentProxy(httpsProxy),
    noProxy: noProxy ?? '',
    // Many proxies refuse a tunnel to a plain http port.
    proxyTunnel: false,
  });
}

/** Adds `http://` to a proxy without a scheme, such as `proxy.example:3128`, as other programs do. */
function presentProxy(proxy: string | undefined): string {
  return !proxy || proxy.includes('://') ? (proxy ?? '') : `http://${proxy}`;
}

/** Returns whether an outbound request failed because it took too long. */
export function isTimeout(error: unknown): boolean {
  return (
    (error instanceof Error && error.name === 'TimeoutError') ||
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError
  );
}

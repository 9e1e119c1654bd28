import { alsoNamed, optional, setting } from '../config/setting-row.js';
import {
  asBasePath,
  asBoolean,
  asOneOf,
  asText,
  asTrustedProxies,
  asWebUrl,
} from '../config/setting-types.js';

/** Settings that several rooms share. */
export const coreSettings = {
  rows: {
    basePath: alsoNamed(
      'SCRIPT_NAME',
      setting('BASE_PATH', asBasePath, '', 'Path prefix of every route, such as `/queuepass`.'),
    ),
    publicUrl: optional('PUBLIC_URL', asWebUrl, 'URL at which clients reach the server.'),
    trustProxy: optional(
      'TRUST_PROXY',
      asTrustedProxies,
      'Proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` headers are trusted: a number of hops, or a list of CIDRs (default 0: none). A proxy must replace or remove an `X-Forwarded-Host` that a client sends.',
    ),
    enableProxyfix: setting('ENABLE_PROXYFIX', asBoolean, 'false', 'Older form of `TRUST_PROXY=1`.'),
    logLevel: setting(
      'LOG_LEVEL',
      asOneOf('debug', 'info', 'warn', 'error', 'silent'),
      'info',
      'Minimum log level.',
    ),
    httpProxy: optional(
      'HTTP_PROXY',
      asText,
      'Proxy for outbound HTTP requests, such as the download of mongod.',
    ),
    httpsProxy: optional(
      'HTTPS_PROXY',
      asText,
      'Proxy for outbound HTTPS requests, such as the download of mongod.',
    ),
    noProxy: optional('NO_PROXY', asText, 'Hosts that are reached without a proxy.'),
  },
  derive: ({ trustProxy, enableProxyfix }: { trustProxy: unknown; enableProxyfix: unknown }) => ({
    trustProxy: trustProxy ?? (enableProxyfix ? 1 : 0),
  }),
};

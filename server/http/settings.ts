import { isLoopback } from '../config/loopback.js';
import { optional, type SettingProblem, setting, type ValuesOf } from '../config/setting-row.js';
import {
  asHost,
  asHostList,
  asInteger,
  asListenAddress,
  type ListenAddress,
} from '../config/setting-types.js';
import type { CoreSettings } from '../core/core.js';

const rows = {
  host: setting('HOST', asHost, '127.0.0.1', 'Address to listen on.'),
  port: setting('PORT', asInteger(0, 65535), '5000', 'TCP port to listen on; 0 picks a free port.'),
  listen: optional(
    'LISTEN',
    asListenAddress,
    '`host:port`, the path of a unix socket, or `systemd` for the socket that systemd passes. Takes precedence over `HOST` and `PORT`.',
  ),
  allowedHosts: setting(
    'ALLOWED_HOSTS',
    asHostList,
    '',
    'Host names, separated by commas, by which clients may name a server that listens on a loopback address without `TRUST_PROXY`, besides `localhost`, loopback addresses and the host of `PUBLIC_URL`; `*` allows every name. Another name gets 421, since the request may come from a web page whose name resolves to this machine (DNS rebinding).',
  ),
  drainSeconds: setting(
    'DRAIN_SECONDS',
    asInteger(0, 3600),
    '30',
    'Maximum seconds that running requests have to finish after SIGTERM or Ctrl-C.',
  ),
  keepAliveSeconds: setting(
    'KEEPALIVE',
    asInteger(0, 3600),
    '75',
    'Seconds that an idle connection is kept open. Set it higher than the idle timeout of a proxy in front.',
  ),
  workers: setting(
    'WORKERS',
    asInteger(1, 64),
    '1',
    'Number of server processes that share the address; more than 1 needs a TCP port. Same as `queuepass serve --workers N`. Use one for each core, minus those that MongoDB needs. Each process has its own bcrypt threads, one for each core, at a lower priority than requests.',
  ),
  maxBodyValues: setting(
    'MAX_BODY_VALUES',
    asInteger(1000, 10_000_000),
    '50000',
    'Maximum number of values in the body of a request: the fields and items of all its maps and lists. More get 422. They are counted while the body arrives, since parsing a million values stops all other requests for seconds.',
  ),
  maxUploadMib: setting(
    'MAX_UPLOAD_MIB',
    asInteger(1, 1024 * 1024),
    '10240',
    'Maximum size of an upload (attachments or an artifact), in MiB.',
  ),
};

/** The settings of the HTTP server. */
export interface HttpSettings extends Omit<ValuesOf<typeof rows>, 'listen'> {
  listen: ListenAddress;
}

/** The rows, derived values and checks of the HTTP server's settings. */
export const httpSettings = {
  rows,
  derive: ({ listen, host, port }: ValuesOf<typeof rows>) => ({ listen: listen ?? { host, port } }),
  listProblems: listWorkerProblems,
  listWarnings: listTransportWarnings,
};

/** Warns of keys and tokens on a network without encryption: no proxy is trusted, so presumably there is none. */
function listTransportWarnings({ listen, trustProxy }: HttpSettings & CoreSettings): string[] {
  if (!('host' in listen) || isLoopback(listen.host) || trustProxy !== 0) return [];
  return [
    `keys and tokens cross the network without encryption, since the server listens on ${listen.host} without TLS: put a proxy with TLS in front and set TRUST_PROXY, or listen on 127.0.0.1`,
  ];
}

/**
 * Refuses several workers on a socket: the first process accepts connections before its workers do, so at shutdown it
 * would close the connection of a proxied POST, which is not sent again.
 */
function listWorkerProblems({ workers, listen }: HttpSettings): SettingProblem[] {
  if (workers === 1 || 'host' in listen) return [];
  return [
    [
      'WORKERS',
      'over 1 needs a TCP port: for sockets, run several instances, each on its own socket (queuepass@1, queuepass@2)',
    ],
  ];
}

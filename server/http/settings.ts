import { optional, setting, type SettingProblem, type ValuesOf } from '../config/setting-row.js';
import { asHost, asInteger, asListenAddress, type ListenAddress } from '../config/setting-types.js';

const rows = {
  host: setting('HOST', asHost, '127.0.0.1', 'Address to listen on.'),
  port: setting('PORT', asInteger(0, 65535), '5000', 'TCP port to listen on; 0 takes a free one.'),
  listen: optional(
    'LISTEN',
    asListenAddress,
    '`host:port`, the path of a unix socket, or `systemd` for the socket that systemd passes; takes precedence over `HOST` and `PORT`.',
  ),
  drainSeconds: setting(
    'DRAIN_SECONDS',
    asInteger(0, 3600),
    '30',
    'Seconds that requests in flight get to finish after SIGTERM or Ctrl-C.',
  ),
  keepAliveSeconds: setting(
    'KEEPALIVE',
    asInteger(0, 3600),
    '75',
    'Seconds that a connection without a request is kept; set it higher than the idle timeout of a proxy in front.',
  ),
  workers: setting(
    'WORKERS',
    asInteger(1, 64),
    '1',
    'Processes that serve on the one address, for a TCP port; also `queuepass serve --workers N`. One for each core, minus what MongoDB needs. Each has its own threads for bcrypt, as many as there are cores, at a lower priority than requests.',
  ),
  maxUploadMib: setting(
    'MAX_UPLOAD_MIB',
    asInteger(1, 1024 * 1024),
    '10240',
    'Maximum size of an upload of attachments or an artifact, in MiB.',
  ),
};

/** The settings of the HTTP server. */
export interface HttpSettings extends Omit<ValuesOf<typeof rows>, 'listen'> {
  listen: ListenAddress;
}

/** Settings of the HTTP server. */
export const httpSettings = {
  rows,
  derive: ({ listen, host, port }: ValuesOf<typeof rows>) => ({ listen: listen ?? { host, port } }),
  listProblems: listWorkerProblems,
};

/** The first process accepts ahead of its workers, so that at the end a POST behind a proxy would be cut and not be sent again. */
function listWorkerProblems({ workers, listen }: HttpSettings): SettingProblem[] {
  if (workers === 1 || 'host' in listen) return [];
  return [
    [
      'WORKERS',
      'over 1 needs a TCP port: on sockets run several instances, each on its own (queuepass@1, queuepass@2)',
    ],
  ];
}

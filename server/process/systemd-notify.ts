import { execFile } from 'node:child_process';
import type { Logger } from 'pino';

/** What systemd is told of this process (`Type=notify`). */
export interface SystemdNotifier {
  /** It serves; from here on the watchdog is fed too, where the unit has one. */
  ready(status: string): void;
  /** It drains and ends. */
  stopping(): void;
}

/**
 * Speaks the notification protocol (sd_notify(3)) to the socket that `NOTIFY_SOCKET` names, through the program
 * `systemd-notify`, since Node has no unix datagram sockets: the unit needs `NotifyAccess=all`.
 * The watchdog is fed by a timer, so that it tells of an event loop that turns and of nothing else: what a restart cannot
 * mend, such as a MongoDB that is away, is for `/readyz` to tell.
 * @param environment that systemd gave, with `WATCHDOG_USEC` (microseconds) when the unit has `WatchdogSec`
 */
export function createSystemdNotifier(environment: NodeJS.ProcessEnv, log: Logger): SystemdNotifier {
  const notify = (...lines: string[]): void => {
    execFile('systemd-notify', lines, { env: environment, timeout: 10_000 }, (error) => {
      if (error) log.error({ err: error }, 'systemd could not be notified');
    });
  };
  return {
    ready(status) {
      notify('READY=1', `STATUS=${status}`);
      const everyMs = readWatchdogMs(environment) / 3;
      // A feed can be late by the start of a program on a busy machine: three within the time, not two.
      if (everyMs > 0) setInterval(() => notify('WATCHDOG=1'), everyMs).unref();
    },
    stopping: () => notify('STOPPING=1', 'STATUS=Ending: requests in flight are answered'),
  };
}

/** Milliseconds without a feed after which systemd ends this process; 0 for no watchdog, or one meant for another process. */
function readWatchdogMs({ WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number {
  const isOurs = pid === undefined || pid === String(process.pid);
  return isOurs ? Number(microseconds ?? 0) / 1000 : 0;
}

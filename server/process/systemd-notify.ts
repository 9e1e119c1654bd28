import { execFile } from 'node:child_process';
import type { Logger } from 'pino';

/** Notifies systemd of this process's state (`Type=notify`). */
export interface SystemdNotifier {
  /** Reports that the server has started, and from then on sends watchdog notifications if the unit has a watchdog. */
  ready(status: string): void;
  /** Reports that the server is stopping. */
  stopping(): void;
}

/**
 * Sends notifications (sd_notify(3)) to the socket that `NOTIFY_SOCKET` names. It runs the program `systemd-notify`,
 * because Node has no unix datagram sockets, so the unit needs `NotifyAccess=all`.
 * A timer sends the watchdog notifications, so they show only that the event loop runs. `/readyz` reports problems that a
 * restart cannot fix, such as a MongoDB that is not available.
 * @param environment the variables from systemd, with `WATCHDOG_USEC` (microseconds) if the unit has `WatchdogSec`
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
      // Three notifications within the limit, not two: on a busy machine starting the program can delay one.
      if (everyMs > 0) setInterval(() => notify('WATCHDOG=1'), everyMs).unref();
    },
    stopping: () => notify('STOPPING=1', 'STATUS=Stopping: answering the requests in flight'),
  };
}

/**
 * Returns the milliseconds without a notification after which systemd ends this process; 0 if there is no watchdog, or it
 * is meant for another process.
 */
function readWatchdogMs({ WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number {
  const isOurs = pid === undefined || pid === String(process.pid);
  return isOurs ? Number(microseconds ?? 0) / 1000 : 0;
}

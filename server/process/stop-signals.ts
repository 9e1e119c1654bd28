/** Milliseconds within which npm forwards a signal that the terminal sent to both. */
const samePressMs = 400;

/** Registers the shutdown once the server has started. */
export interface StopSignals {
  onFirst(stop: () => Promise<void>): void;
}

/** How to print a line at the terminal, and whether npm (or npx) is the parent process. */
export interface StopSignalOptions {
  report: (line: string) => void;
  underNpm: boolean;
}

/**
 * Handles SIGTERM and SIGINT: the first starts the shutdown, a second ends the process at once. Under npm one press of
 * Ctrl-C arrives twice, from the terminal and from npm, and counts once.
 * A signal during the start also ends the process at once: no request has been answered yet.
 */
export function onStopSignals(
  target: Pick<NodeJS.Process, 'on' | 'exit'>,
  { report, underNpm }: StopSignalOptions,
): StopSignals {
  let stop: (() => Promise<void>) | undefined;
  let first: { signal: string; at: number } | undefined;
  let count = 0;
  const receive = (signal: string, number: number): void => {
    count += 1;
    const isCopy = underNpm && count === 2 && first?.signal === signal;
    if (isCopy && performance.now() - first!.at < samePressMs) return;
    if (first !== undefined || stop === undefined) return target.exit(128 + number);
    first = { signal, at: performance.now() };
    stop().catch((error: unknown) => {
      report(`queuepass: the shutdown failed: ${error instanceof Error ? error.message : String(error)}`);
      target.exit(1);
    });
  };
  target.on('SIGTERM', () => receive('SIGTERM', 15));
  target.on('SIGINT', () => receive('SIGINT', 2));
  return {
    onFirst(given) {
      stop = given;
    },
  };
}

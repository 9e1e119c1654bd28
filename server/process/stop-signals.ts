/** Milliseconds within which npm passes on the signal that the terminal sent as well. */
const samePressMs = 400;

/** What registers the orderly end once the server serves. */
export interface StopSignals {
  onFirst(stop: () => Promise<void>): void;
}

/** Where lines for the person at the terminal go, and whether npm (or npx) is the parent. */
export interface StopSignalOptions {
  report: (line: string) => void;
  underNpm: boolean;
}

/**
 * Handles SIGTERM and SIGINT: the first starts the orderly end, a second ends the process at once. Under npm one
 * press of Ctrl-C comes twice, from the terminal and from npm, and counts once.
 * A signal during the start ends it at once too: nothing was promised to anybody yet.
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
      report(`queuepass: the end was not orderly: ${error instanceof Error ? error.message : String(error)}`);
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

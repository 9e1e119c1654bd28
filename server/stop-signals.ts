/** One press of Ctrl-C under `npm start` reaches the process twice, from the terminal and from npm. */
const samePressMs = 300;

/** What registers the orderly end once the server serves. */
export interface StopSignals {
  onFirst(stop: () => Promise<void>): void;
}

/**
 * Handles SIGTERM and SIGINT: the first starts the orderly end, a second ends the process at once.
 * A signal during the start ends it at once too: nothing was promised to anybody yet.
 */
export function onStopSignals(target: NodeJS.Process, report: (line: string) => void): StopSignals {
  let stop: (() => Promise<void>) | undefined;
  let firstAt: number | undefined;
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const) {
    target.on(signal, () => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt < samePressMs) return;
      if (firstAt !== undefined || stop === undefined) target.exit(128 + number);
      firstAt = now;
      stop().catch((error: unknown) => {
        report(
          `queuepass: the end was not orderly: ${error instanceof Error ? error.message : String(error)}`,
        );
        target.exit(1);
      });
    });
  }
  return {
    onFirst(given) {
      stop = given;
    },
  };
}

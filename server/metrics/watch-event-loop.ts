import type { ProcessMetricsServices } from './services.js';

/** Milliseconds of the timer; a task that blocks the event loop for longer is always measured. */
const timerMs = 100;

/**
 * Measures the event loop's delay with a repeating timer.
 * @returns a function that stops it
 */
export function watchEventLoop({ eventLoopLag }: ProcessMetricsServices['metrics']): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    eventLoopLag.observe(Math.max(0, now - last - timerMs) / 1000);
    last = now;
  }, timerMs).unref();
  return () => clearInterval(timer);
}

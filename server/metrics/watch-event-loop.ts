import type { ProcessMetricsServices } from './services.js';

/** Milliseconds between two looks; what holds the event loop up for longer is always seen. */
const lookMs = 100;

/**
 * Measures again and again by how much a timer comes late.
 * @returns what ends it
 */
export function watchEventLoop({ eventLoopLag }: ProcessMetricsServices['metrics']): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    eventLoopLag.observe(Math.max(0, now - last - lookMs) / 1000);
    last = now;
  }, lookMs).unref();
  return () => clearInterval(timer);
}

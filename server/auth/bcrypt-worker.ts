import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/** The workers' `nice` value: on a machine with few cores, requests that need no hash run first. */
const niceness = 10;

try {
  // Only Linux has a priority for each thread; on other systems hashes and requests share the cores evenly.
  const thread = Number(basename(readlinkSync('/proc/thread-self')));
  // The process may have a lower priority already.
  setPriority(thread, Math.max(niceness, getPriority(thread)));
} catch {
  // Where the process may not change priorities, they share the cores evenly too.
}

/** Runs the tasks of the worker threads. */
export { runBcryptTask as default } from './bcrypt-task.js';

import { readFile, statfs } from 'node:fs/promises';
import { DataInUseError, DiskFullError, StartError, WrongSeriesError } from '../errors/start-error.js';
import { type MongodExit, NO_LOCK_EXIT_CODE } from './mongod-process.js';

const NEEDS_OTHER_SERIES_EXIT_CODE = 62;

/** Free bytes below which a disk counts as full: mongod's log is on it, and may have no room for the error. */
const minFreeBytes = 16 * 2 ** 20;

/**
 * Explains in one line why mongod ended, from its exit and its log.
 * @returns {DataInUseError} if another process uses the data, {WrongSeriesError} if another series wrote them,
 *   {DiskFullError} if the disk is full, else a {StartError} with the last useful line of the log.
 */
export async function explainMongodExit(
  exit: MongodExit,
  dataDir: string,
  logPath: string,
): Promise<StartError> {
  // Without a lock, mongod was not started and the log is from an earlier one.
  const log = exit.code === NO_LOCK_EXIT_CODE ? '' : await readFile(logPath, 'utf8').catch(() => '');
  const lines = log.split('\n').slice(-200);
  const printed = exit.printed.trim().split('\n');
  const last =
    lastUsefulLine(lines) ?? (printed.findLast((line) => !followsFatalError(line)) || 'it left no message');
  const text = `${lines.join('\n')}\n${exit.printed}`;
  if (text.includes('DBPathInUse')) return new DataInUseError(`${dataDir} is in use by another mongod.`);
  if (exit.code === NEEDS_OTHER_SERIES_EXIT_CODE || text.includes('UPGRADE PROBLEM')) {
    return new WrongSeriesError(`The data in ${dataDir} was written by another series of MongoDB: ${last}`);
  }
  if (/No space left on device|not enough space|ENOSPC/i.test(text) || (await isFull(dataDir))) {
    return new DiskFullError(`There is no space left on the disk of ${dataDir} for MongoDB: ${last}`);
  }
  if (/SocketException|Failed to set up listener|bind\(\) failed|Failed to unlink socket/i.test(text)) {
    return new StartError(`MongoDB cannot listen on its socket for ${dataDir}: ${last}`);
  }
  return new StartError(`MongoDB ended (${presentExit(exit)}): ${last} (the log is ${logPath})`);
}

async function isFull(dataDir: string): Promise<boolean> {
  const disk = await statfs(dataDir).catch(() => undefined);
  return disk !== undefined && disk.bavail * disk.bsize < minFreeBytes;
}

/** Formats an exit: `exit code 14` or `signal SIGKILL`. */
export function presentExit({ code, signal }: MongodExit): string {
  if (signal !== null) return `signal ${signal}`;
  // A shell reports the signal that ended its child as 128 + its number.
  return code !== null && code > 128 ? `signal ${code - 128}` : `exit code ${code ?? 'unknown'}`;
}

/** Returns the log's last error with its reason, else its last warning; `undefined` if there is neither. */
function lastUsefulLine(lines: string[]): string | undefined {
  const entries = lines.map(readLine).filter((line) => line !== undefined);
  return (
    entries.findLast((line) => line.severity === 'error')?.text ??
    entries.findLast((line) => line.severity === 'warning')?.text
  );
}

function readLine(line: string): { severity: 'error' | 'warning'; text: string } | undefined {
  let entry: { s?: string; id?: number; msg?: string; attr?: { error?: unknown; message?: unknown } };
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch {
    return undefined;
  }
  const { msg } = entry;
  const reason = readReason(entry.attr);
  if (msg === undefined || followsFatalError(msg) || (msg === 'Fatal assertion' && reason === undefined))
    return undefined;
  const severity = entry.s === 'E' || entry.s === 'F' ? 'error' : entry.s === 'W' ? 'warning' : undefined;
  return severity && { severity, text: reason === undefined ? msg : `${msg}: ${reason}` };
}

// The lines that follow a fatal error in the log explain less than the error itself.
function followsFatalError(msg: string): boolean {
  return /\*\*\*aborting|backtrace|^\s*Frame|Writing fatal message/i.test(msg);
}

function readReason(attr: { error?: unknown; message?: unknown } = {}): string | undefined {
  const { error, message } = attr;
  const { errmsg } = (error ?? {}) as { errmsg?: unknown };
  const { msg } = (message ?? {}) as { msg?: unknown };
  const reason = [error, errmsg, message, msg].find(
    (candidate): candidate is string => typeof candidate === 'string',
  );
  // The explanation must be one line.
  return reason?.replace(/\s+/g, ' ').trim();
}

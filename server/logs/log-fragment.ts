import { Binary } from 'mongodb';
import type { z } from 'zod';
import { phases } from '../job/phases.js';
import { dateTime, integer, object, oneOf, text } from '../schema/schema.js';
import type { LogRecord } from './collections.js';

/** The two logs of a job: the output of its commands, and the serial console of its device. */
export const logTypes = ['output', 'serial'] as const;

/** One of the two logs of a job. */
export type LogType = (typeof logTypes)[number];

/** The `attempt` of lines that the server itself writes to a log. */
export const serverAttempt = 0;

/** The `attempt` of fragments that were sent when no job had their id: they never belong to a job that gets the id later. */
export const unknownJobAttempt = -1;

/** Reads the log type from a path parameter. Returns `undefined` if no log has this name. */
export function readLogType(name: string): LogType | undefined {
  return logTypes.find((type) => type === name);
}

/** The schema of a log fragment that an agent sends. Numbers run over the whole job or over a phase, in each log. */
export const fragmentInput = object({
  fragment_number: integer(),
  timestamp: dateTime(),
  phase: oneOf(...phases),
  log_data: text({ loneSurrogates: true }),
});

/** A log fragment as an agent sends it. */
export type FragmentInput = z.output<typeof fragmentInput>;

const loneSurrogates = /\p{Surrogate}/gu;
const bytesPerUnit = 2;

/**
 * Returns the fields that store a text. Agents send bytes that are not valid UTF-8 as lone surrogates, which BSON
 * cannot store. `log_data` therefore contains U+FFFD for each of them, which other servers can read, and `replaced`
 * contains the original UTF-16 unit of every U+FFFD in the text.
 */
export function packText(given: string): Pick<LogRecord, 'log_data' | 'replaced'> {
  if (given.search(loneSurrogates) < 0) return { log_data: given };
  const log_data = given.replaceAll(loneSurrogates, '\uFFFD');
  const units: number[] = [];
  for (let at = log_data.indexOf('\uFFFD'); at >= 0; at = log_data.indexOf('\uFFFD', at + 1)) {
    units.push(given.charCodeAt(at));
  }
  const replaced = Buffer.alloc(units.length * bytesPerUnit);
  units.forEach((unit, i) => replaced.writeUInt16BE(unit, i * bytesPerUnit));
  return { log_data, replaced: new Binary(replaced) };
}

/** Restores the text that was given to `packText`. */
export function unpackText({ log_data, replaced }: Pick<LogRecord, 'log_data' | 'replaced'>): string {
  if (replaced === undefined) return log_data;
  const units = Buffer.from(replaced.value());
  let at = 0;
  return log_data.replaceAll('\uFFFD', () => {
    const unit = at < units.length ? units.readUInt16BE(at) : 0xfffd;
    at += bytesPerUnit;
    return String.fromCharCode(unit);
  });
}

/** Returns what `unpackText` needs for a text without its first `count` replaced units. */
export function skipReplaced(replaced: Binary, count: number): Binary {
  return new Binary(Buffer.from(replaced.value()).subarray(count * bytesPerUnit));
}

/** A log fragment, or a part of a long one, with its original text. */
export interface Fragment {
  logType: string;
  phase: string;
  number: number;
  text: string;
}

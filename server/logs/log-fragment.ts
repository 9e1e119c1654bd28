import type { z } from 'zod';
import { Binary } from 'mongodb';
import { phases } from '../job/phases.js';
import type { LogRecord } from './collections.js';
import { dateTime, integer, object, oneOf, text } from '../schema/schema.js';

/** The two logs of a job: what its commands print, and the serial console of its device. */
export const logTypes = ['output', 'serial'] as const;

/** One of the two logs of a job. */
export type LogType = (typeof logTypes)[number];

/** What stands for the attempt in lines that the server itself writes into a log. */
export const serverAttempt = 0;

/** The log that a path names, or `undefined` when there is none of this name. */
export function readLogType(name: string): LogType | undefined {
  return logTypes.find((type) => type === name);
}

/** One piece of a log as an agent sends it; numbers run over the whole job, per log. */
export const fragmentInput = object({
  fragment_number: integer(),
  timestamp: dateTime(),
  phase: oneOf(...phases),
  log_data: text(),
});

/** One piece of a log. */
export type FragmentInput = z.output<typeof fragmentInput>;

const loneSurrogates = /\p{Surrogate}/gu;
const bytesPerUnit = 2;

/**
 * The fields that hold a text. Halves of surrogate pairs, by which agents send bytes that are no UTF-8, cannot stand in
 * BSON: U+FFFD stands for each, as readers of other makes see it, and what every U+FFFD was is kept beside the text.
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

/** The text as it was sent. */
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

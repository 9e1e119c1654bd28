import { Decimal128 } from 'mongodb';
import { isLong } from '../schema/long.js';

/**
 * Compares two stored priorities as MongoDB sorts them: an adopted database can have any value. Nothing comes before
 * numbers, which are compared exactly, and numbers before everything else.
 * @returns a negative number if `one` is lower than `other`, 0 if they are equal, else a positive one
 */
export function comparePriority(one: unknown, other: unknown): number {
  // All that this server stores, and nearly all that others do.
  if (Number.isSafeInteger(one) && Number.isSafeInteger(other)) return (one as number) - (other as number);
  const [a, b] = [readPriority(one), readPriority(other)];
  return a.rank - b.rank || Number(a.value > b.value) - Number(a.value < b.value);
}

const lowest = { rank: 0, value: 0 };

function readPriority(priority: unknown): { rank: number; value: number | bigint } {
  if (priority === undefined || priority === null) return lowest;
  const value = readNumber(priority);
  if (value === undefined) return { rank: 3, value: 0 };
  return Number.isNaN(value) ? { rank: 1, value: 0 } : { rank: 2, value };
}

function readNumber(priority: unknown): number | bigint | undefined {
  if (isLong(priority)) return priority.toBigInt();
  if (priority instanceof Decimal128) return Number(priority.toString());
  return typeof priority === 'number' ? priority : undefined;
}

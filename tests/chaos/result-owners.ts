import type { Claim } from './records.js';

/** The status of a job that the server ended after its last attempt. */
export const lostCode = 75;
/** The status that a stock agent posts after it noticed a cancel. */
const cancelCode = 247;

/** The parts of a result that show which claims it comes from. */
export interface ResultOwners {
  /** The statuses by phase. */
  status: Record<string, number>;
  /** The claim id in the device data. */
  device: string | undefined;
  /** The claims from which a part of the result comes. */
  owners: Claim[];
}

/** Finds the claims from which the statuses and the device of a result come. A correct result has at most one. */
export function findOwners(result: Record<string, unknown>, claims: readonly Claim[]): ResultOwners {
  const entries = Object.entries(result).filter(([field]) => field.endsWith('_status'));
  const status = Object.fromEntries(
    entries.map(([field, code]) => [field.slice(0, -'_status'.length), code as number]),
  );
  const device = (result.device_info as { attempt?: string } | undefined)?.attempt;
  const codes = Object.values(status);
  return { status, device, owners: claims.filter(({ id, code }) => id === device || codes.includes(code)) };
}

/** Returns the problems of a result at any time: parts of several claims, or any part while the job waits for a claim. */
export function checkOwners(result: Record<string, unknown>, claims: readonly Claim[]): string[] {
  const { status, device, owners } = findOwners(result, claims);
  const codes = Object.values(status);
  const known = [...claims.map(({ code }) => code), lostCode, cancelCode];
  const details = JSON.stringify({ status, device });
  if (codes.some((code) => !known.includes(code))) return [`statuses of no claim of it: ${details}`];
  if (owners.length > 1)
    return [`the result is mixed of ${owners.map(({ id }) => id).join(' and ')}: ${details}`];
  if (device !== undefined && owners.length === 0) return [`the device is of no claim of it: ${details}`];
  const isEmpty = codes.length === 0 && device === undefined;
  return result.job_state === 'waiting' && !isEmpty ? [`it waits with a result: ${details}`] : [];
}

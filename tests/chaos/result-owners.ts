import type { Claim } from './records.js';

/** The status of a job that the server ended after its last attempt. */
export const lostCode = 75;
/** The status by which a stock agent tells of a cancel that it saw. */
const cancelCode = 247;

/** What a result tells of who made it. */
export interface ResultOwners {
  /** By phase. */
  status: Record<string, number>;
  /** The claim that its device names. */
  device: string | undefined;
  /** The claims that a part of it is of. */
  owners: Claim[];
}

/** Finds the claims that the statuses and the device of a result are of: one at most, if all is well. */
export function findOwners(result: Record<string, unknown>, claims: readonly Claim[]): ResultOwners {
  const entries = Object.entries(result).filter(([field]) => field.endsWith('_status'));
  const status = Object.fromEntries(
    entries.map(([field, code]) => [field.slice(0, -'_status'.length), code as number]),
  );
  const device = (result.device_info as { attempt?: string } | undefined)?.attempt;
  const codes = Object.values(status);
  return { status, device, owners: claims.filter(({ id, code }) => id === device || codes.includes(code)) };
}

/** What is wrong with a result at any moment: parts of several claims, or any part while the job waits for one. */
export function checkOwners(result: Record<string, unknown>, claims: readonly Claim[]): string[] {
  const { status, device, owners } = findOwners(result, claims);
  const codes = Object.values(status);
  const known = [...claims.map(({ code }) => code), lostCode, cancelCode];
  const told = JSON.stringify({ status, device });
  if (codes.some((code) => !known.includes(code))) return [`statuses of no claim of it: ${told}`];
  if (owners.length > 1)
    return [`the result is mixed of ${owners.map(({ id }) => id).join(' and ')}: ${told}`];
  if (device !== undefined && owners.length === 0) return [`the device is of no claim of it: ${told}`];
  const isEmpty = codes.length === 0 && device === undefined;
  return result.job_state === 'waiting' && !isEmpty ? [`it waits with a result: ${told}`] : [];
}

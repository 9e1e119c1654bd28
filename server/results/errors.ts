import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';

/** The errors of results and logs. */
export const resultErrors = {
  logQueryInvalid: { code: 'log_query_invalid', status: 400 },
} as const satisfies ErrorRows;

/** Older clients expect the reasons as the `message` of the body. */
export const resultQuirks: readonly BodyQuirk[] = [{ error: resultErrors.logQueryInvalid, shape: 'reasons' }];

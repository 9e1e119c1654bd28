import { classifyDatabaseError } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';

/** Returns the `ApiError` to respond with: the error itself if it is one, 413 or 503 for a database error, else 500. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const failure = classifyDatabaseError(thrown);
  if (failure === 'unavailable') {
    return new ApiError(commonErrors.unavailable, { headers: { 'Retry-After': '1' }, cause: thrown });
  }
  if (failure === 'too_large') return new ApiError(commonErrors.payloadTooLarge, { cause: thrown });
  return new ApiError(commonErrors.internal, { cause: thrown });
}

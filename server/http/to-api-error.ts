import { classifyDatabaseError } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';

/** What is answered for an error: its own answer for an `ApiError`, 413 or 503 for what the database says, else 500. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const failure = classifyDatabaseError(thrown);
  if (failure === 'unavailable') {
    return new ApiError('unavailable', { headers: { 'Retry-After': '1' }, cause: thrown });
  }
  if (failure === 'too_large') return new ApiError('payload_too_large', { cause: thrown });
  return new ApiError('internal', { cause: thrown });
}

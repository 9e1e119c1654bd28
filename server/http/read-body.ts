import type { IncomingMessage } from 'node:http';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { minBytesPerValue, type ValueCounter } from './count-values.js';

/** The limits of a body, and how its values are counted. */
export interface BodyLimits {
  bytes: number;
  values: number;
  countValues: ValueCounter;
}

/**
 * Reads a whole body. Its values are counted as it arrives, so that a body with too many of them is never parsed.
 * @throws ApiError 413 over the limit of bytes (before reading, when the length is known), 422 over the limit of values,
 * 400 for a body that ends early
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  try {
    if (Number(request.headers['content-length'] ?? 0) > limits.bytes)
      throw new ApiError(commonErrors.payloadTooLarge);
    return await gather(request, limits);
  } catch (error) {
    // Most clients read the response only after sending the whole body, so the rest must be accepted.
    request.resume();
    throw error;
  }
}

function gather(request: IncomingMessage, { bytes, values, countValues }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    let counted = 0;
    const take = (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length > bytes) return settle(() => reject(new ApiError(commonErrors.payloadTooLarge)));
      // A short body cannot have too many values, so the many small bodies are not counted.
      if (length < values * minBytesPerValue) return undefined;
      for (; counted < pieces.length; counted += 1) {
        if (countValues(pieces[counted] as Buffer) > values)
          return settle(() => reject(tooManyValues(values)));
      }
      return undefined;
    };
    const end = () =>
      settle(() => resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)));
    const fail = (cause?: Error) => settle(() => reject(new ApiError(commonErrors.badRequest, { cause })));
    const settle = (action: () => void) => {
      request.off('data', take).off('end', end).off('error', fail).off('close', fail);
      action();
    };
    if (request.destroyed) return fail();
    request.on('data', take).on('end', end).on('error', fail).on('close', fail);
    return undefined;
  });
}

function tooManyValues(values: number): ApiError {
  return new ApiError(commonErrors.validation, {
    detail: { json: { _schema: [`More than ${values} values.`] } },
  });
}

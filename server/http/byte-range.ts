import type { ByteRange } from '../files/download-file.js';

/**
 * Reads a `Range` header for a file of `length` bytes (RFC 9110 section 14).
 * @returns the requested part; `undefined` for the whole file (no header, another unit, several ranges or an invalid
 * one); `'unsatisfiable'` for a part outside the file
 */
export function readByteRange(
  header: string | undefined,
  length: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || length === 0) return 'unsatisfiable';
    return { start: Math.max(0, length - suffix), end: length };
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  if (Number(first) >= length) return 'unsatisfiable';
  return { start: Number(first), end: last === '' ? length : Math.min(length, Number(last) + 1) };
}

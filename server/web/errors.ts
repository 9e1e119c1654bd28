import type { ErrorRows } from '../errors/error-row.js';

/** The errors of pages. */
export const webErrors = {
  cursorInvalid: {
    code: 'cursor_invalid',
    status: 400,
    message: 'This address does not name a place in the list: open the list from its start',
  },
} as const satisfies ErrorRows;

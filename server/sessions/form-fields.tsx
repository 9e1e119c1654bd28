import { makeCsrfToken } from '../http/csrf-token.js';
import { text } from '../schema/schema.js';

/** The schema of the field that each form of a page has. */
export const csrfField = { csrf_token: text().optional() };

/** The hidden fields of a form. @param secret what the form is bound to: a session id, or the secret of a browser that signs in */
export function HiddenFields({ secret, next }: { secret: string; next?: string }) {
  return (
    <>
      <input type="hidden" name="csrf_token" value={makeCsrfToken(secret)} />
      {next !== undefined && <input type="hidden" name="next" value={next} />}
    </>
  );
}

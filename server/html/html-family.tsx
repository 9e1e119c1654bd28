import type { ErrorFamily } from '../errors/families.js';
import { renderPage } from './document.js';
import { pageHeaders } from './page-headers.js';

/** The titles of error pages by status. */
const titles: Readonly<Record<number, string>> = {
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  429: 'Too many requests',
  503: 'Not available',
};

const signInText = 'You need to sign in to access this page.';

/** Presents the errors of pages, as pages. */
export const htmlFamily: ErrorFamily = {
  name: 'html',
  prefixes: [],
  present(error, { basePath, signIn, requestId }) {
    // Only the credentials of the page itself are missing: a failed sign-in has its own message.
    const isMissing = error.status === 401 && error.code === 'authentication_required';
    const children = (
      <>
        <p>{isMissing ? signInText : error.message}</p>
        <p>{isMissing && signIn ? <a href={signIn}>Sign In</a> : <a href={`${basePath}/`}>Start page</a>}</p>
        {error.status >= 500 && <p>{`Request ${requestId}`}</p>}
      </>
    );
    const title = titles[error.status] ?? 'Request refused';
    return {
      type: 'text/html; charset=utf-8',
      body: renderPage({ title, basePath, children }),
      headers: pageHeaders,
    };
  },
  describe: (row) => ({
    type: 'text/html',
    schema: { type: 'string' },
    text: row.message ?? row.code.replaceAll('_', ' '),
    shape: 'page',
  }),
};

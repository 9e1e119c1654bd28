import type { ErrorFamily } from '../errors/families.js';
import { renderPage } from './document.js';
import { httpsOnlyHeader, pageHeaders } from './page-headers.js';
import { describeViewer } from './viewer.js';

/** The titles of error pages by status. */
const titles: Readonly<Record<number, string>> = {
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  429: 'Too many requests',
  500: 'Server error',
  503: 'Not available',
};

const signInText = 'You need to sign in to access this page.';

/** What a person can do about an error, by the error's code. */
const hints: Readonly<Record<string, string>> = {
  cross_site:
    "Reload the page with the form and send it again. If that does not help, your browser does not keep this server's cookies: allow cookies for this site, and use its https address, since a browser can drop them over plain http.",
  needs_https:
    'Open this site by its https address. If you did, the proxy in front of this server does not report https: ask the operator.',
};

/** Presents the errors of pages, as pages. */
export const htmlFamily: ErrorFamily = {
  name: 'html',
  prefixes: [],
  present({ status, code, message, headers }, { basePath, isHttps, signIn, requestId, caller }) {
    // Only the credentials of the page itself are missing: a failed sign-in has its own message.
    const isMissing = status === 401 && code === 'authentication_required';
    const hint = Object.hasOwn(hints, code) ? hints[code] : presentRetry(headers['Retry-After']);
    const children = (
      <>
        <p>{isMissing ? signInText : message}</p>
        {hint && <p>{hint}</p>}
        <p>
          {isMissing && signIn ? (
            <a class="button" href={signIn}>
              Sign In
            </a>
          ) : (
            <a href={`${basePath}/`}>Start page</a>
          )}
        </p>
        {status >= 500 && <p class="note">{`Request ${requestId}`}</p>}
      </>
    );
    const title = titles[status] ?? 'Request refused';
    const viewer = caller && describeViewer(caller);
    return {
      type: 'text/html; charset=utf-8',
      body: renderPage({ title, basePath, viewer, children }),
      headers: { ...pageHeaders, ...(isHttps && httpsOnlyHeader) },
    };
  },
  describe: (row) => ({
    type: 'text/html',
    schema: { type: 'string' },
    text: row.message ?? row.code.replaceAll('_', ' '),
    shape: 'page',
  }),
};

/** Returns when to try again, from the header `Retry-After` in seconds. */
function presentRetry(seconds: string | undefined): string | undefined {
  if (seconds === undefined || !/^\d+$/.test(seconds)) return undefined;
  return `Try again in ${seconds} ${seconds === '1' ? 'second' : 'seconds'}.`;
}

import type { Arrival, Browser, Visit } from './browser.js';

/** What a sign-in ended with. */
export interface SignedIn extends Arrival {
  /** The URL of the server's callback, with `code` and `state`, whether the browser opened it or not. */
  callbackUrl: string;
}

/** Options of a sign-in. */
export interface SignInOptions extends Pick<Visit, 'from'> {
  /** Stops before the callback is opened: open it with `browser.visit(callbackUrl)`, or in another browser. */
  stopBeforeCallback?: boolean;
}

/**
 * Signs in: opens the server's sign-in URL, follows its redirects through the provider back to the server, and on to
 * the last response.
 */
export async function signIn(
  browser: Browser,
  startUrl: string,
  { from, stopBeforeCallback = false }: SignInOptions = {},
): Promise<SignedIn> {
  let callbackUrl = '';
  const visit: Visit = {
    ...(from !== undefined && { from }),
    stopBefore: (target, hop) => {
      const isCallback =
        callbackUrl === '' && target.searchParams.has('state') && isBack(target, hop.url, startUrl);
      if (isCallback) callbackUrl = target.href;
      return isCallback && stopBeforeCallback;
    },
  };
  const arrival = await browser.visit(startUrl, visit);
  return { ...arrival, callbackUrl };
}

/** Whether a redirect leads from another origin to the one where the sign-in started. */
function isBack(target: URL, from: string, startUrl: string): boolean {
  const { origin } = new URL(startUrl);
  return target.origin === origin && new URL(from).origin !== origin;
}

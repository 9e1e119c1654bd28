import { type Dispatcher, request } from 'undici';
import { BrowserCookies } from './browser-cookies.js';

/** One request of a browser and its response. */
export interface Hop {
  method: string;
  url: string;
  sent: Record<string, string>;
  status: number;
  headers: Dispatcher.ResponseData['headers'];
  /** The target of a redirect, as an absolute URL. */
  location?: string;
  text: string;
}

/** Options of one navigation. */
export interface Visit {
  /** The page with the link or form. Without it, the person typed the URL. */
  from?: string;
  /** The fields of a form, which is posted. */
  form?: Record<string, string>;
  /** Stops before a redirect to a URL for which this returns true. */
  stopBefore?: (target: URL, hop: Hop) => boolean;
}

/** What a navigation ended with. */
export interface Arrival {
  /** The last response. */
  final: Hop;
  hops: Hop[];
  /** The URL that was not followed, if `stopBefore` stopped there. */
  stoppedBefore?: string;
}

/** A request to the last URL of a chain of redirects. */
interface Step {
  chain: URL[];
  from: string | undefined;
  form: Visit['form'] | undefined;
}

/** A browser without scripts: it keeps cookies, follows redirects and sends Chromium's `Sec-Fetch` headers. */
export class Browser {
  readonly cookies = new BrowserCookies();
  /** Everything it requested and received, in order. */
  readonly hops: Hop[] = [];

  /**
   * Opens a URL, or posts a form to it. Follows redirects, and pages whose script submits their form at once, 20 at
   * most.
   */
  async visit(url: string, { from, form, stopBefore }: Visit = {}): Promise<Arrival> {
    const hops: Hop[] = [];
    let next: Step = { chain: [new URL(url)], from, form };
    while (hops.length < 20) {
      const hop = await this.#send(next);
      hops.push(hop);
      const following = findNext(hop, next);
      if (following === undefined) return { final: hop, hops };
      const target = following.chain.at(-1) as URL;
      if (stopBefore?.(target, hop)) return { final: hop, hops, stoppedBefore: target.href };
      next = following;
    }
    throw new Error(`too many redirects: ${hops.map((hop) => hop.url).join(' -> ')}`);
  }

  /** Posts the first form of a page, with its hidden fields and the given ones. */
  async submit(page: Hop, fields: Record<string, string> = {}, visit: Visit = {}): Promise<Arrival> {
    const { action, fields: hidden } = readForm(page.text);
    const form = { ...hidden, ...fields };
    return this.visit(new URL(action, page.url).href, { ...visit, from: page.url, form });
  }

  /** Returns all that the browser received from an origin and stores for it, to search for what must not be there. */
  seen(origin: string): string {
    const received = this.hops.filter(({ url }) => new URL(url).origin === origin);
    return JSON.stringify([received.map(({ headers, text }) => [headers, text]), this.cookies.of(origin)]);
  }

  async #send({ chain, from, form }: Step): Promise<Hop> {
    const url = chain.at(-1) as URL;
    const site = findSite(chain, from);
    const method = form === undefined ? 'GET' : 'POST';
    const cookie = this.cookies.header(url, { crossSite: site === 'cross-site', method });
    const sent = {
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0',
      'sec-fetch-site': site,
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      ...(cookie !== undefined && { cookie }),
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...(form !== undefined && from !== undefined && { origin: new URL(from).origin }),
    };
    const body = form === undefined ? null : new URLSearchParams(form).toString();
    const answer = await request(url, { method, headers: sent, body });
    this.cookies.read(url, [answer.headers['set-cookie'] ?? []].flat());
    const { location } = answer.headers;
    const isRedirect = answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string';
    const hop: Hop = {
      method,
      url: url.href,
      sent,
      status: answer.statusCode,
      headers: answer.headers,
      ...(isRedirect && { location: new URL(location, url).href }),
      text: await answer.body.text(),
    };
    this.hops.push(hop);
    return hop;
  }
}

/** Returns the next request after a redirect or a page that submits its form at once, if it is one. */
function findNext(hop: Hop, { chain, from, form }: Step): Step | undefined {
  if (hop.location !== undefined) {
    const keepsBody = hop.status === 307 || hop.status === 308;
    return { chain: [...chain, new URL(hop.location)], from, form: keepsBody ? form : undefined };
  }
  if (!hop.text.includes('document.forms[0].submit()')) return undefined;
  const { action, fields } = readForm(hop.text);
  return { chain: [new URL(action, hop.url)], from: hop.url, form: fields };
}

/** The value of `Sec-Fetch-Site`: a redirect through another site makes the rest of the chain cross-site. */
function findSite(chain: readonly URL[], from: string | undefined): string {
  if (from === undefined) return 'none';
  const { origin } = new URL(from);
  return chain.every((url) => url.origin === origin) ? 'same-origin' : 'cross-site';
}

const entities: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/** Reads the first form of a page: where it is posted to, and its hidden fields. */
export function readForm(html: string): { action: string; fields: Record<string, string> } {
  const [, open = '', inside = ''] = /<form\b([^>]*)>(.*?)<\/form>/s.exec(html) ?? [];
  const attribute = (tag: string, name: string) =>
    new RegExp(`\\b${name}="([^"]*)"`)
      .exec(tag)?.[1]
      ?.replace(/&[a-z#0-9]+;/g, (text) => entities[text] ?? text);
  const fields: Record<string, string> = {};
  for (const [tag] of inside.matchAll(/<input\b[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name !== undefined && attribute(tag, 'type') === 'hidden')
      fields[name] = attribute(tag, 'value') ?? '';
  }
  return { action: attribute(open, 'action') ?? '', fields };
}

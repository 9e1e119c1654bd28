import assert from 'node:assert/strict';
import { type Browser, chromium, type Page, type Request } from 'playwright-core';
import type { Owner } from '../support/server-process.js';

/** Starts Chromium without a window. It resolves no host names, so a request to another host fails and is reported. */
export async function startBrowser(t: Owner, program: string): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: program,
    args: [
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-gpu',
      '--disable-quic',
      '--disable-sync',
      '--no-first-run',
    ],
  });
  t.teardown(() => browser.close());
  return browser;
}

/** A page without stored data from earlier pages, and the requests that it made. */
export interface Visit {
  page: Page;
  requests: Request[];
  /**
   * @param others URLs of the other servers to which the visit led
   * @throws AssertionError if a page logged an error, violated its policy, or sent a request to any other server
   */
  checkClean(url: string, others?: readonly string[]): void;
}

/** Opens a page, runs `task` and closes the page. */
export async function visit<T>(
  browser: Browser,
  task: (visit: Visit) => Promise<T>,
  options: { javaScriptEnabled?: boolean } = {},
): Promise<T> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const requests: Request[] = [];
  const errors: string[] = [];
  context.on('request', (request) => void requests.push(request));
  context.on('console', (message) => {
    // The browser also reports policy violations to the console.
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  context.on('weberror', (error) => void errors.push(String(error.error())));
  context.on('requestfailed', (request) => void errors.push(`failed: ${request.url()}`));
  const checkClean = (url: string, others: readonly string[] = []) => {
    assert.deepEqual(errors, []);
    const servers = new Set(requests.map((request) => new URL(request.url()).origin));
    servers.delete('null');
    assert.deepEqual([...servers].sort(), [url, ...others].map((one) => new URL(one).origin).sort());
  };
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    return await task({ page, requests, checkClean });
  } finally {
    await context.close();
  }
}

import assert from 'node:assert/strict';
import { type Browser, chromium, type Page, type Request } from 'playwright-core';
import type { Owner } from '../support/server-process.js';

/** Chromium, by its program, without a window; names of hosts lead nowhere, so that what asks for one is seen to fail. */
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

/** A page with nothing stored from earlier ones, and what it did. */
export interface Visit {
  page: Page;
  requests: Request[];
  /** @throws AssertionError when the page wrote an error, broke its policy, or asked another server */
  checkClean(url: string): void;
}

/** Opens an empty page, for the time of `task`. */
export async function visit<T>(
  browser: Browser,
  task: (visit: Visit) => Promise<T>,
  options: { javaScriptEnabled?: boolean } = {},
): Promise<T> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const requests: Request[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => void requests.push(request));
  context.on('console', (message) => {
    // A breach of the policy is told here as well, by the browser itself.
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  context.on('weberror', (error) => void complaints.push(String(error.error())));
  context.on('requestfailed', (request) => void complaints.push(`failed: ${request.url()}`));
  const checkClean = (url: string) => {
    assert.deepEqual(complaints, []);
    const servers = new Set(requests.map((request) => new URL(request.url()).origin));
    servers.delete('null');
    assert.deepEqual([...servers], [new URL(url).origin]);
  };
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    return await task({ page, requests, checkClean });
  } finally {
    await context.close();
  }
}

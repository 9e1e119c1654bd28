import assert from 'node:assert/strict';
import type { Browser, Locator, Page } from 'playwright-core';
import { waitUntil } from '../support/own-mongod.js';
import { visit } from './visit.js';

/** A server as the browser reaches it. */
export interface Site {
  /** With the base path or the prefix of a proxy. */
  url: string;
  browser: Browser;
  /** A token that may see the clients, which anonymous callers may not. */
  token: string;
  /** What the server has answered on the page's own routes so far: `route status`, as its log tells it. */
  answered(): string[];
}

/** Keeps a picture of the page under a name, when pictures are wanted. */
type TakePicture = (page: Page, name: string) => Promise<void>;

const clientList = 'GET /v1/client-permissions';
const pageFiles = ['/docs', '/docs/start.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css'];

/** The page draws each route of the server's document and no other, without an error and with no other host. */
export async function checkListsRoutes({ url, browser }: Site, takePicture: TakePicture): Promise<string> {
  const told = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const routes = Object.entries(told.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  return visit(browser, async ({ page, checkClean }) => {
    const response = await openPage(page, url);
    assert.match(
      response.headers()['content-security-policy'] ?? '',
      /^default-src 'none'; script-src 'self'; /,
    );
    assert.deepEqual((await readRoutes(page)).sort(), routes.sort());
    await takePicture(page, 'list');
    checkClean(url);
    return `${routes.length} routes`;
  });
}

/** With a token a request is sent to the same server and its answer shown; the token is kept nowhere. */
export async function checkTryOut({ url, browser, token }: Site, takePicture: TakePicture): Promise<void> {
  await visit(browser, async ({ page, requests, checkClean }) => {
    await openPage(page, url);
    await authorize(page, token);
    const operation = await tryOut(page, clientList);
    assert.equal(await readStatus(operation), '200');
    await operation.scrollIntoViewIfNeeded();
    await takePicture(page, 'answer');
    const sent = requests.at(-1);
    assert.equal(sent?.url(), `${url}/v1/client-permissions`);
    assert.equal(await sent?.headerValue('authorization'), `Bearer ${token}`);
    checkClean(url);
    const kept = await page.evaluate('({ ...localStorage, ...sessionStorage, cookies: document.cookie })');
    assert.deepEqual(kept, { cookies: '' });
    await openPage(page, url);
    assert.equal(await page.locator('.auth-wrapper .authorize.locked').count(), 0);
  });
}

/** Without a token the same request is refused, and the page shows that. */
export async function checkRefusal({ url, browser }: Site): Promise<void> {
  await visit(browser, async ({ page }) => {
    await openPage(page, url);
    assert.equal(await readStatus(await tryOut(page, clientList)), '403');
  });
}

/** What the browser has already is not sent again. The server's log tells: the browser calls some of these answers 200. */
export async function checkSecondVisit({ url, browser, answered }: Site): Promise<void> {
  await visit(browser, async ({ page }) => {
    for (const status of [200, 304]) {
      const before = answered().length;
      await openPage(page, url);
      await waitUntil(() => answered().length >= before + pageFiles.length);
      const told = pageFiles.map((path) => `${path} ${status}`);
      assert.deepEqual(answered().slice(before).sort(), told);
    }
  });
}

/** A slash at the end of the address leads to the same page. */
export async function checkSlash({ url, browser }: Site): Promise<void> {
  await visit(browser, async ({ page, checkClean }) => {
    await openPage(page, url, '/docs/');
    assert.equal(page.url(), `${url}/docs`);
    checkClean(url);
  });
}

/** Without JavaScript the page says where else its contents are. */
export async function checkWithoutScripts({ url, browser }: Site): Promise<void> {
  const task = async (page: Page) => {
    await page.goto(`${url}/docs`);
    assert.match(await page.locator('body').innerText(), /openapi\.json.*docs\/reference\/api\.md/s);
    const link = page.getByRole('link', { name: 'openapi.json' });
    const [answer] = await Promise.all([page.waitForResponse(`${url}/openapi.json`), link.click()]);
    assert.equal(answer.status(), 200);
  };
  await visit(browser, ({ page }) => task(page), { javaScriptEnabled: false });
}

/** When the document cannot be had, the page says so. */
export async function checkWithoutDocument({ url, browser }: Site): Promise<void> {
  await visit(browser, async ({ page }) => {
    await page.route('**/openapi.json', (intercepted) => intercepted.fulfill({ status: 503 }));
    await page.goto(`${url}/docs`);
    await page.getByText('The page could not be drawn (openapi.json: 503).').waitFor();
  });
}

async function openPage(page: Page, url: string, path = '/docs') {
  const response = await page.goto(url + path);
  assert.ok(response);
  await page.locator('.opblock').first().waitFor();
  return response;
}

async function readRoutes(page: Page): Promise<string[]> {
  const drawn = await page.locator('.opblock').all();
  return Promise.all(
    drawn.map(async (operation) => {
      const method = await operation.locator('.opblock-summary-method').textContent();
      const path = await operation.locator('.opblock-summary-path').getAttribute('data-path');
      return `${method} ${path}`;
    }),
  );
}

async function authorize(page: Page, token: string): Promise<void> {
  await page.locator('.auth-wrapper .authorize').click();
  const dialog = page.locator('.dialog-ux');
  const scheme = dialog.locator('.auth-container').filter({ hasText: 'accessToken' });
  await scheme.getByRole('textbox').fill(token);
  await scheme.getByRole('button', { name: 'Apply credentials' }).click();
  await scheme.getByText('Authorized').waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).first().click();
}

async function tryOut(page: Page, route: string): Promise<Locator> {
  const [method = '', path = ''] = route.split(' ');
  const operation = page
    .locator(`.opblock-${method.toLowerCase()}`)
    .filter({ has: page.locator(`[data-path="${path}"]`) });
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  return operation;
}

async function readStatus(operation: Locator): Promise<string | undefined> {
  const status = operation.locator('.live-responses-table tbody .response-col_status');
  return (await status.innerText()).split('\n', 1)[0]?.trim();
}

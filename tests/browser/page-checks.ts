import assert from 'node:assert/strict';
import type { Browser, Locator, Page } from 'playwright-core';
import { waitUntil } from '../support/own-mongod.js';
import { visit } from './visit.js';

/** A server, and how the browser reaches it. */
export interface Site {
  /** The server's URL, with the base path or the prefix of a proxy. */
  url: string;
  browser: Browser;
  /** A token that can list the clients. Anonymous callers cannot. */
  token: string;
  /** The responses so far to requests for the page's own routes, as `route status`, from the server's log. */
  answered(): string[];
}

/** Saves a screenshot of the page under a name, if screenshots are wanted. */
type TakePicture = (page: Page, name: string) => Promise<void>;

const clientList = 'GET /v1/client-permissions';
const pageFiles = ['/docs', '/docs/start.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css'];

/** The page shows each route of the server's document and no other, without errors and without requests to other hosts. */
export async function checkListsRoutes({ url, browser }: Site, takePicture: TakePicture): Promise<string> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
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

/** A request with a token goes to the same server, the page shows the response, and the token is not stored. */
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
    const stored = await page.evaluate('({ ...localStorage, ...sessionStorage, cookies: document.cookie })');
    assert.deepEqual(stored, { cookies: '' });
    await openPage(page, url);
    assert.equal(await page.locator('.auth-wrapper .authorize.locked').count(), 0);
  });
}

/** The same request without a token is refused, and the page shows the status. */
export async function checkRefusal({ url, browser }: Site): Promise<void> {
  await visit(browser, async ({ page }) => {
    await openPage(page, url);
    assert.equal(await readStatus(await tryOut(page, clientList)), '403');
  });
}

/** Files that the browser has cached are not sent again. The check reads the server's log, since the browser reports some 304 responses as 200. */
export async function checkSecondVisit({ url, browser, answered }: Site): Promise<void> {
  await visit(browser, async ({ page }) => {
    for (const status of [200, 304]) {
      const before = answered().length;
      await openPage(page, url);
      await waitUntil(() => answered().length >= before + pageFiles.length);
      const expected = pageFiles.map((path) => `${path} ${status}`);
      assert.deepEqual(answered().slice(before).sort(), expected);
    }
  });
}

/** An address with a trailing slash leads to the same page. */
export async function checkSlash({ url, browser }: Site): Promise<void> {
  await visit(browser, async ({ page, checkClean }) => {
    await openPage(page, url, '/docs/');
    assert.equal(page.url(), `${url}/docs`);
    checkClean(url);
  });
}

/** Without JavaScript the page links to the document. */
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

/** If the document cannot be loaded, the page shows an error. */
export async function checkWithoutDocument({ url, browser }: Site): Promise<void> {
  await visit(browser, async ({ page }) => {
    await page.route('**/openapi.json', (intercepted) => intercepted.fulfill({ status: 503 }));
    await page.goto(`${url}/docs`);
    await page
      .getByText('Could not show the API (openapi.json: 503). Check that the server is running.')
      .waitFor();
  });
}

async function openPage(page: Page, url: string, path = '/docs') {
  const response = await page.goto(url + path);
  assert.ok(response);
  await page.locator('.opblock').first().waitFor();
  return response;
}

async function readRoutes(page: Page): Promise<string[]> {
  const operations = await page.locator('.opblock').all();
  return Promise.all(
    operations.map(async (operation) => {
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

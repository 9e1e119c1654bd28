import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { localClient, type SignInSite } from './sign-in-site.js';
import { visit } from './visit.js';

const sentence = 'You need to sign in to access this page.';

/** A person signs in at the provider. The browser then has one cookie that scripts cannot read, and no token. */
export async function checkProviderSignIn({ url, browser, issuer, readLog }: SignInSite): Promise<void> {
  await visit(browser, async ({ page, checkClean }) => {
    await page.goto(`${url}/`);
    assert.doesNotMatch(await page.locator('body').innerText(), /Agents|Jobs|Queues/);
    await page.getByRole('link', { name: 'Sign In', exact: true }).click();
    await page.waitForURL(`${url}/`);
    await page.getByText(`Signed in as ${issuer.person.name}`).waitFor();
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();

    const id = await readSessionCookie(page);
    assert.deepEqual(await readStorage(page), { cookies: '' });
    const secrets = [id, ...issuer.issued];
    assert.ok(secrets.length > 2);
    const html = await page.content();
    for (const secret of secrets) assert.ok(!html.includes(secret) && !readLog().includes(secret));
    assert.equal(await fetchStatus(page, `${url}/v1/session`), 200);
    checkClean(url, [issuer.url]);
  });
}

/** After a person signs out, neither the cookie nor the browser's history shows a page. */
export async function checkSignOut({ url, browser, issuer }: SignInSite): Promise<void> {
  await visit(browser, async ({ page }) => {
    await page.goto(`${url}/auth/login?next=/agents`);
    await page.waitForURL(`${url}/agents`);
    await page.getByRole('link', { name: 'Queues' }).click();
    await page.getByRole('heading', { name: 'Queues' }).waitFor();
    const kept = await page.context().cookies();
    await page.getByRole('link', { name: 'Sign Out' }).click();
    await page.waitForURL(`${url}/`);
    assert.deepEqual(await listCookies(page), []);
    await page.goBack();
    await page.getByText(sentence).waitFor();
    assert.ok(!(await page.content()).includes(issuer.person.name as string));
    // The cookie is worthless, also for somebody who copied it.
    await page.context().addCookies(kept);
    assert.equal((await page.goto(`${url}/jobs`))?.status(), 401);
    await page.getByText(sentence).waitFor();
    // The person is still signed in at the provider, and comes back to the page.
    await page.getByRole('link', { name: 'Sign In' }).click();
    await page.waitForURL(`${url}/jobs`);
  });
}

/** A person signs in with a client key and the keyboard alone; a wrong key shows why. */
export async function checkKeyboardSignIn({ url, browser }: SignInSite): Promise<void> {
  await visit(browser, async ({ page, checkClean }) => {
    await page.goto(`${url}/auth/local?next=/queues`);
    const press = (...keys: string[]) =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const fillForm = async (key: string) => {
      await press('Tab', 'Tab', 'Tab');
      assert.equal(await page.evaluate('document.activeElement.id'), 'client_id');
      await press('Control+A');
      await page.keyboard.type(localClient.id);
      await press('Tab');
      await page.keyboard.type(key);
      await press('Tab', 'Enter');
    };
    assert.deepEqual(await readOutline(page), ['Skip to content']);
    await page.reload();
    checkClean(url);
    await fillForm('another key');
    await page.getByRole('alert').getByText('Invalid client id or client key').waitFor();
    assert.equal(await page.getByLabel('Client id').inputValue(), localClient.id);
    assert.equal(await page.getByLabel('Client key').inputValue(), '');
    await fillForm(localClient.key);
    await page.waitForURL(`${url}/queues`);
    await page.getByText(`Signed in as ${localClient.id}`).waitFor();
    await readSessionCookie(page);
  });
}

/** The page of a one-time link takes the token out of the address and signs in; the link works once. */
export async function checkOneTimeLink({ url, browser, makeLink, readLog }: SignInSite): Promise<void> {
  const token = await makeLink();
  await visit(browser, async ({ page, requests, checkClean }) => {
    await page.goto(`${url}/auth/once#${token}`);
    await page.waitForURL(`${url}/`);
    await page.getByText('Signed in as testflinger-admin').waitFor();
    assert.ok(!requests.some((request) => new URL(request.url()).search.includes(token)));
    assert.ok(!readLog().includes(token));
    checkClean(url);
    await page.goBack();
    assert.ok(!page.url().includes(token), page.url());
  });
  await visit(browser, async ({ page }) => {
    await page.goto(`${url}/auth/once#${token}`);
    await page.getByText('This link is not valid any more').waitFor();
  });
}

/** Without JavaScript, a person pastes the token, and all pages can be read. */
export async function checkWithoutJavaScript({ url, browser, makeLink }: SignInSite): Promise<void> {
  const token = await makeLink();
  const task = async (page: Page) => {
    await page.goto(`${url}/auth/once#${token}`);
    await page.getByLabel('The part of the link after #').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Signed in as testflinger-admin').waitFor();
    for (const name of ['Agents', 'Jobs', 'Queues']) {
      await page.getByRole('link', { name }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
    }
  };
  await visit(browser, ({ page }) => task(page), { javaScriptEnabled: false });
}

/** A browser that drops cookies is told so, at the provider's sign-in and at the form. */
export async function checkDroppedCookies({ url, browser, issuer }: SignInSite): Promise<void> {
  await visit(browser, async ({ page }) => {
    // A route of Playwright gets no redirects, so the cookies are removed at the provider.
    await page.goto(`${url}/auth/local`);
    await page.context().clearCookies();
    await page.getByLabel('Client id').fill(localClient.id);
    await page.getByLabel('Client key').fill(localClient.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Reload the page with the form and send it again.').waitFor();
    const begun = await page.context().request.get(`${url}/auth/login`, { maxRedirects: 0 });
    await page.context().clearCookies();
    await page.goto(begun.headers()['location'] ?? issuer.url);
    await page.waitForURL(`${url}/?login=failed`);
    await page.getByRole('alert').getByText('Your browser does not have the cookie').waitFor();
  });
}

/** Checks the session's cookie as the browser stores it. @returns its value */
async function readSessionCookie(page: Page): Promise<string> {
  const cookies = await listCookies(page);
  assert.equal(cookies.length, 1, JSON.stringify(cookies.map(({ name }) => name)));
  const { name, value, ...flags } = cookies[0] as (typeof cookies)[0];
  assert.match(name, /^__Host-queuepass_session(_[0-9a-f]{8})?$/);
  assert.match(value, /^[\w-]{43}$/);
  assert.deepEqual(
    { ...flags },
    { domain: '127.0.0.1', path: '/', expires: -1, httpOnly: true, secure: true, sameSite: 'Lax' },
  );
  return value;
}

/**
 * Returns this server's session cookies. The cookie of a browser that signs in stays for ten minutes; those of the provider, on
 * another port of the same host, are its own.
 */
async function listCookies(page: Page) {
  const cookies = await page.context().cookies(page.url());
  return cookies.filter(({ name }) => name.includes('queuepass_session'));
}

/** Reads what scripts of the page could read. */
function readStorage(page: Page): Promise<unknown> {
  return page.evaluate('({ ...localStorage, ...sessionStorage, cookies: document.cookie })');
}

function fetchStatus(page: Page, url: string): Promise<number> {
  return page.evaluate(`fetch(${JSON.stringify(url)}).then((response) => response.status)`);
}

/** Presses Tab, and returns the text of the focused element, which must have a visible outline. */
async function readOutline(page: Page): Promise<string[]> {
  await page.keyboard.press('Tab');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  assert.equal(outline, 'solid');
  return [await page.evaluate<string>('document.activeElement.textContent')];
}

import { Browser, type Hop, readForm } from './browser.js';
import { endpointPaths } from './endpoints.js';

/** Opens the provider's page for a user code, as a person does on a second device, and approves it. */
export async function approveDevice(
  issuerUrl: string,
  userCode: string,
  browser = new Browser(),
): Promise<Hop> {
  const confirmation = await openConfirmation(issuerUrl, userCode, browser);
  const { final } = await browser.submit(confirmation);
  if (!final.text.includes('The device is signed in')) throw new Error(`not approved: ${final.text}`);
  return final;
}

/** Opens the provider's page for a user code and denies it. */
export async function denyDevice(issuerUrl: string, userCode: string, browser = new Browser()): Promise<Hop> {
  const confirmation = await openConfirmation(issuerUrl, userCode, browser);
  // The provider's deny button is a field in place of `confirm`.
  const { action, fields } = readForm(confirmation.text);
  const { confirm: _confirm, ...form } = fields;
  const target = new URL(action, confirmation.url).href;
  const { final } = await browser.visit(target, { from: confirmation.url, form: { ...form, abort: 'yes' } });
  return final;
}

async function openConfirmation(issuerUrl: string, userCode: string, browser: Browser): Promise<Hop> {
  const { final: entry } = await browser.visit(issuerUrl + endpointPaths.code_verification);
  const { final } = await browser.submit(entry, { user_code: userCode });
  if (!final.text.includes('Confirm the code')) throw new Error(`user code refused: ${final.text}`);
  return final;
}

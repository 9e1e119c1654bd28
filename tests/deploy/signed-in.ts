import assert from 'node:assert/strict';
import type { Dispatcher, Pool } from 'undici';
import { openCollections } from '../../server/areas.js';
import { digestSecret, makeServerKey } from '../../server/auth/client-key-format.js';
import { type CookieKind, presentCookieName } from '../../server/sessions/cookies.js';
import { readForm } from '../support/oidc/browser.js';
import { withClient } from '../support/own-mongod.js';
import type { LoadTarget } from './rolling-check.js';

/** The client whose person is signed in. */
export const person = 'a-person';

/** Signs a person in at the form for client keys. Returns the headers of a request from a page that is signed in. */
export async function signInPerson(
  pool: Pool,
  { basePath, mongodbUri, database }: LoadTarget,
): Promise<Record<string, string>> {
  const { keyId, secret, text: key } = makeServerKey();
  await withClient(mongodbUri, async (client) => {
    const { clients, clientKeys } = openCollections(client.db(database));
    await clients.insertOne({ client_id: person, role: 'contributor' });
    const digest = digestSecret(secret);
    await clientKeys.insertOne({
      key_id: keyId,
      client_id: person,
      secret_sha256: digest,
      created_at: new Date(),
    });
  });
  const page = await pool.request({ method: 'GET', path: `${basePath}/auth/local` });
  const { action, fields } = readForm(await page.body.text());
  const answer = await pool.request({
    method: 'POST',
    path: action,
    headers: {
      cookie: readCookie(page, 'login', basePath),
      'content-type': 'application/x-www-form-urlencoded',
      'sec-fetch-site': 'same-origin',
    },
    body: new URLSearchParams({ ...fields, client_id: person, client_key: key }).toString(),
  });
  await answer.body.dump();
  assert.equal(answer.statusCode, 303);
  const cookie = readCookie(answer, 'session', basePath);
  const session = await pool.request({ method: 'GET', path: `${basePath}/v1/session`, headers: { cookie } });
  const { csrf_token: token } = (await session.body.json()) as { csrf_token: string };
  return { cookie, 'x-csrf-token': token, 'sec-fetch-site': 'same-origin' };
}

function readCookie({ headers }: Dispatcher.ResponseData, kind: CookieKind, basePath: string): string {
  const name = presentCookieName(kind, { basePath, insecureCookies: false });
  const line = [headers['set-cookie'] ?? []].flat().find((one) => one.startsWith(`${name}=`));
  return line?.split(';')[0] ?? '';
}

import test from 'ava';
import { Browser } from '../support/oidc/browser.js';
import { type ClientId, discover, startRelyingParty } from '../support/oidc/relying-party.js';
import { signIn } from '../support/oidc/sign-in.js';
import { startIssuer } from '../support/oidc-issuer.js';

for (const clientId of ['lab', 'lab-public'] satisfies ClientId[]) {
  test(`the client ${clientId} signs a person in with a code and PKCE, once for each callback`, async (t) => {
    const issuer = await startIssuer(t);
    const party = await startRelyingParty(t, issuer, await discover(issuer, { clientId }));
    const browser = new Browser();

    const { callbackUrl, final } = await signIn(browser, party.loginUrl, { stopBeforeCallback: true });

    t.is(final.location, callbackUrl);
    t.is(browser.cookies.of(party.url).length, 1);
    t.is((await new Browser().visit(callbackUrl)).final.status, 401, 'another browser has no state');
    t.is((await browser.visit(callbackUrl, { from: issuer.url })).final.text, 'signed in');
    t.deepEqual(browser.cookies.of(party.url), []);
    const claims = party.tokens?.claims();
    t.like(claims, { sub: '1701', email: 'ada@example.com', email_verified: true });
    const exchange = issuer.requests.find(({ endpoint }) => endpoint === 'token');
    t.is(exchange?.form?.client_id, clientId === 'lab' ? undefined : 'lab-public');
    t.is(exchange?.authorization !== undefined, clientId === 'lab');
    t.deepEqual(issuer.issued, [
      new URL(callbackUrl).searchParams.get('code'),
      party.tokens?.access_token,
      party.tokens?.refresh_token,
      party.tokens?.id_token,
    ]);
    t.false(browser.seen(party.url).includes(issuer.issued[1] as string));
  });
}

import test, { type ExecutionContext } from 'ava';
import { Browser } from '../support/oidc/browser.js';
import { type DiscoverOptions, discover, startRelyingParty } from '../support/oidc/relying-party.js';
import { signIn } from '../support/oidc/sign-in.js';
import type { SigningAlg } from '../support/oidc/signing.js';
import { type SpoiltIdToken, spoiltIdTokenKinds } from '../support/oidc/spoilt-id-tokens.js';
import { type Issuer, startIssuer } from '../support/oidc-issuer.js';

/** The kinds that openid-client does not check: its callers must. */
const uncheckedClaims: SpoiltIdToken[] = [
  'several audiences, own azp',
  'one audience, azp of another client',
  'iat in the future',
  'iat a day ago',
];

/** Signs in once with each kind of spoilt ID token. Returns the kinds that openid-client accepted. */
async function listAccepted(
  t: ExecutionContext,
  issuer: Issuer,
  options?: DiscoverOptions,
): Promise<string[]> {
  const party = await startRelyingParty(t, issuer, await discover(issuer, options));
  const accepted: string[] = [];
  for (const kind of spoiltIdTokenKinds) {
    issuer.spoil.idToken = kind;
    const { final } = await signIn(new Browser(), party.loginUrl);
    if (final.text === 'signed in') accepted.push(kind);
  }
  issuer.spoil.idToken = undefined;
  t.is((await signIn(new Browser(), party.loginUrl)).final.text, 'signed in', 'a valid token is accepted');
  return accepted;
}

for (const idTokenAlg of ['RS256', 'ES256'] satisfies SigningAlg[]) {
  test(`openid-client refuses spoilt ${idTokenAlg} ID tokens, but for claims that its caller must check`, async (t) => {
    const issuer = await startIssuer(t, { idTokenAlg });

    t.deepEqual(await listAccepted(t, issuer), uncheckedClaims);
  });
}

for (const idTokenAlg of ['PS256', 'EdDSA'] satisfies SigningAlg[]) {
  test(`openid-client checks the signature of ${idTokenAlg} ID tokens`, async (t) => {
    const issuer = await startIssuer(t, { idTokenAlg });
    const party = await startRelyingParty(t, issuer, await discover(issuer));

    t.is((await signIn(new Browser(), party.loginUrl)).final.text, 'signed in');
    issuer.spoil.idToken = 'another key, same kid';
    t.is((await signIn(new Browser(), party.loginUrl)).final.text, 'refused');
  });
}

test('openid-client accepts every signature unless it is configured to check them', async (t) => {
  const issuer = await startIssuer(t);

  t.deepEqual(await listAccepted(t, issuer, { checksSignatures: false }), [
    'another key, same kid',
    'another key, in the header',
    'another key, unknown kid',
    'unknown kid',
    'changed after signing',
    'no signature',
    ...uncheckedClaims,
  ]);
});

test('openid-client checks no HMAC and accepts no unsigned token, even if the metadata list them', async (t) => {
  const issuer = await startIssuer(t);
  const listed = ['RS256', 'HS256', 'none'];
  issuer.spoil.change('discovery', { id_token_signing_alg_values_supported: listed });

  t.deepEqual(await listAccepted(t, issuer), uncheckedClaims);
});

test('without signature checks, openid-client accepts also HMAC and unsigned tokens that the metadata list', async (t) => {
  const issuer = await startIssuer(t);
  const listed = ['RS256', 'HS256', 'none'];
  issuer.spoil.change('discovery', { id_token_signing_alg_values_supported: listed });
  const accepted = await listAccepted(t, issuer, { checksSignatures: false });

  t.deepEqual(
    accepted.filter((kind) => /HS256|none/.test(kind)),
    ['alg none', 'HS256 with the public key', 'HS256 with the client secret'],
  );
});

import test from 'ava';
import { readConfig } from '../../server/areas.js';
import { listProblems } from '../support/config-problems.js';

test('OIDC is on only with all three of its settings, and a part of them is a problem', (t) => {
  const oidc = { OIDC_CLIENT_ID: 'id', OIDC_PROVIDER_ISSUER: 'https://issuer', WEB_SECRET_KEY: 'key' };
  t.true(readConfig(oidc).oidc);
  t.false(readConfig({ WEB_SECRET_KEY: 'key' }).oidc);
  const names = Object.keys(oidc) as (keyof typeof oidc)[];
  for (const missing of names) {
    const given = names.filter((name) => name !== missing).join(' and ');
    const expected = `${missing} is missing: OIDC needs it as well as ${given}`;
    t.deepEqual(listProblems({ ...oidc, [missing]: '' }), [expected]);
  }
  for (const alone of ['OIDC_CLIENT_ID', 'OIDC_PROVIDER_ISSUER'] as const) {
    const others = names.filter((name) => name !== alone);
    t.deepEqual(
      listProblems({ [alone]: oidc[alone] }),
      others.map((name) => `${name} is missing: OIDC needs it as well as ${alone}`),
    );
  }
});

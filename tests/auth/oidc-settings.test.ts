import test from 'ava';
import { readConfig } from '../../server/areas.js';
import { ConfigError } from '../../server/config/config-error.js';

function listProblems(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

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

import test from 'ava';
import { isSecretPath } from '../../server/secrets/secrets-store.js';

test('a secret path has parts between single slashes, and can be of any length', (t) => {
  for (const path of ['a', 'a/b', 'A_-9/b/c', `${'a/'.repeat(7_000_000)}a`]) t.true(isSecretPath(path));
  for (const path of ['', '/', '/a', 'a/', 'a//b', 'a b', 'a.b', 'a\n']) t.false(isSecretPath(path), path);
});

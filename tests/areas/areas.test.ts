import test from 'ava';
import {
  errorFamilies,
  errorRows,
  indexTable,
  metricRows,
  quirks,
  routes,
  schemes,
  settingRows,
  tokenKinds,
} from '../../server/areas.js';
import { nameOfRoute, schemesOf } from '../../server/http/route.js';

/** The values that occur more than once. */
function findRepeated(values: readonly string[]): string[] {
  return values.filter((value, i) => values.indexOf(value) !== i);
}

test('each error code, setting, metric and index belongs to one area only', (t) => {
  t.deepEqual(findRepeated(errorRows.map(({ code }) => code)), []);
  t.deepEqual(findRepeated(settingRows.map(({ name }) => name)), []);
  t.deepEqual(findRepeated(Object.values(metricRows).map(({ name }) => name)), []);
  t.deepEqual(findRepeated(indexTable.map(({ collectionName, name }) => `${collectionName}.${name}`)), []);
  t.true(errorRows.length > 50);
  t.true(settingRows.length > 40);
});

test('no two kinds of tokens can be taken for each other, and each has a credential scheme', (t) => {
  t.deepEqual(findRepeated(tokenKinds.map(({ subject, audience }) => `${subject} ${audience}`)), []);
  for (const { subject, scheme } of tokenKinds) t.true(scheme in schemes, subject);
  t.true(tokenKinds.length > 0);
});

test('each index names a collection of an area', (t) => {
  for (const { name, collectionName } of indexTable) t.is(typeof collectionName, 'string', name);
});

test('each route names credential schemes that exist', (t) => {
  for (const declared of routes) {
    for (const name of schemesOf(declared)) t.true(name in schemes, `${nameOfRoute(declared)}: ${name}`);
  }
});

test('each exception to the usual JSON of an error names routes that exist, and an error of theirs', (t) => {
  const names = routes.map(nameOfRoute);
  for (const { error, routes: exceptions = [] } of quirks) {
    for (const name of exceptions) t.true(names.includes(name), `${error.code}: ${name}`);
  }
  t.true(quirks.some((quirk) => quirk.routes !== undefined));
});

test('each route names a family of errors that exists, and its errors are rows of an area', (t) => {
  const families = errorFamilies.map(({ name }) => name);
  for (const { method, path, family, errors = [], queryError } of routes) {
    t.true(families.includes(family), `${method} ${path}: ${family}`);
    for (const row of [...errors, ...(queryError ? [queryError] : [])])
      t.true(errorRows.includes(row), `${method} ${path}: ${row.code}`);
  }
});

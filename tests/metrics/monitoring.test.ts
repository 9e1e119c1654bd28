import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type MetricRow, metricRows } from '../../server/metrics/metric-rows.js';
import { makeFolder } from '../support/own-mongod.js';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string) => readFileSync(pathOf(path), 'utf8');

const rules = 'docs/monitoring/queuepass-alerts.yaml';
const dashboard = 'docs/monitoring/queuepass-dashboard.json';
const guide = 'docs/how-to/monitor.md';

/** The series of each row, by name; that every row is at `/metrics` is held by counters.test.ts. */
const series = new Map<string, MetricRow>(
  Object.values(metricRows as Record<string, MetricRow>).flatMap((row) =>
    row.kind === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((end): [string, MetricRow] => [row.name + end, row])
      : [[row.name, row]],
  ),
);
const names = Object.values(metricRows).map(({ name }) => name as string);

/** The names of our metrics that a text holds. */
function findNames(text: string): string[] {
  return [...text.matchAll(/\b(?:queuepass|process)_[a-z_]+\b/g)].map(([name]) => name);
}

/** The expressions of the dashboard, its variables among them. */
function listExpressions(): string[] {
  return [...read(dashboard).matchAll(/"(?:expr|query|definition)": ("(?:[^"\\]|\\.)*")/g)].map(
    ([, text = '']) => JSON.parse(text) as string,
  );
}

/** As Grafana does before it asks Prometheus. */
function fillVariables(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

/** The rules as texts, each from its name on. */
function listAlerts(): { name: string; text: string }[] {
  return read(rules)
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({ name: text.split('\n')[0] as string, text }));
}

test('every metric that the dashboard and the rules name is one of the table, with labels that it has', (t) => {
  const expressions = [...listExpressions(), ...listAlerts().map(({ text }) => text)];
  t.true(expressions.length > 40);
  for (const expression of expressions) {
    for (const name of findNames(expression)) t.true(series.has(name), `${name} in ${expression}`);
    for (const [, name = '', matchers = ''] of expression.matchAll(/\b(\w+)\{([^}]*)\}/g)) {
      const known = ['instance', 'job', ...Object.keys(series.get(name)?.labels ?? {})];
      for (const [, label = ''] of matchers.matchAll(/(\w+)(?:=~|!~|!=|=)/g))
        t.true(known.includes(label), `${label} of ${name}`);
    }
  }
});

test('every label that is summed by, or shown, is one that the metrics of its expression have', (t) => {
  const panels = (JSON.parse(read(dashboard)) as { panels: { targets?: Target[] }[] }).panels;
  type Target = { expr: string; legendFormat: string };
  const targets = panels.flatMap((panel) => panel.targets ?? []);
  for (const { expr, legendFormat } of targets) {
    const known = [
      'instance',
      'le',
      ...findNames(expr).flatMap((name) => Object.keys(series.get(name)?.labels ?? {})),
    ];
    const grouped = [...expr.matchAll(/\b(?:by|on|group_left) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(/, */),
    );
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
    for (const label of [...grouped, ...shown].filter(Boolean))
      t.true(known.includes(label), `${label} in ${expr}`);
  }
});

test('the dashboard is one that Grafana imports, its panels do not overlap, and the charm has the same', (t) => {
  const { panels, templating } = JSON.parse(read(dashboard)) as {
    panels: {
      id: number;
      gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
      targets?: { datasource: { uid: string } }[];
    }[];
    templating: { list: { name: string }[] };
  };
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  );
  t.is(new Set(cells).size, cells.length);
  t.true(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
  t.deepEqual(
    templating.list.map(({ name }) => name),
    ['prometheusds', 'instance'],
  );
  for (const { datasource } of panels.flatMap((panel) => panel.targets ?? []))
    t.is(datasource.uid, '${prometheusds}');
  t.is(read('charm/src/grafana_dashboards/queuepass.json'), read(dashboard));
});

test('every alert tells what it is and has a runbook, and every runbook an alert', (t) => {
  const alerts = listAlerts();
  t.true(alerts.length >= 9);
  for (const { name, text } of alerts) {
    for (const field of ['severity', 'summary', 'description'])
      t.regex(text, new RegExp(`^ +${field}: \\S`, 'm'), `${field} of ${name}`);
    t.is(/runbook_url: (\S+)/.exec(text)?.[1], `${guide}#${name.toLowerCase()}`);
  }
  const runbooks = [...read(guide).matchAll(/^### (\S+)$/gm)].map(([, name = '']) => name);
  t.deepEqual(
    runbooks,
    alerts.map(({ name }) => name),
  );
});

test('the guide tells of every metric and of no other, and its links within the page lead somewhere', (t) => {
  const told = new Set(findNames(read(guide)));
  t.deepEqual([...told].sort(), [...names].sort());
  const headings = [...read(guide).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text.toLowerCase().replaceAll(' ', '-'),
  );
  for (const [, anchor = ''] of read(guide).matchAll(/\]\(#([^)]+)\)/g))
    t.true(headings.includes(anchor), anchor);
});

test('promtool reads the rules and the panels, and each rule fires when it must and not when it need not', (t) => {
  const run = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' });
  if (run('--version').error !== undefined) {
    console.log(
      'passed over: there is no promtool (apt-get install prometheus), so the alert rules were not checked',
    );
    return t.pass();
  }
  const shown = listExpressions().filter(
    (text) => !text.startsWith('label_values(') && text !== 'prometheus',
  );
  const recorded = shown.map((expr, n) => ({ record: `panel_${n}`, expr: fillVariables(expr) }));
  // JSON is YAML.
  const file = join(makeFolder(), 'panels.yaml');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }));
  const panels = run('check', 'rules', file);
  t.is(panels.status, 0, panels.stdout + panels.stderr);
  const check = run('check', 'rules', pathOf(rules));
  t.is(check.status, 0, check.stdout + check.stderr);
  const fires = run('test', 'rules', pathOf('tests/metrics/alert-rules.yaml'));
  t.is(fires.status, 0, fires.stdout + fires.stderr);
  const tested = read('tests/metrics/alert-rules.yaml');
  for (const { name } of listAlerts()) t.true(tested.includes(name), name);
});

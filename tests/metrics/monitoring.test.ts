import test from 'ava';
import { metricRows } from '../../server/areas.js';
import type { MetricRow } from '../../server/core/metric-row.js';
import { dashboard, guide, listAlerts, listExpressions, read } from '../support/monitoring.js';

/** The series of each metric by name. counters.test.ts checks that every metric is at `/metrics`. */
const series = new Map<string, MetricRow>(
  Object.values(metricRows as Record<string, MetricRow>).flatMap((row) =>
    row.kind === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((end): [string, MetricRow] => [row.name + end, row])
      : [[row.name, row]],
  ),
);
const names = Object.values(metricRows).map(({ name }) => name as string);

/** Finds the names of our metrics in a text. */
function findNames(text: string): string[] {
  return [...text.matchAll(/\b(?:queuepass|process)_[a-z_]+\b/g)].map(([name]) => name);
}

test('every metric in the dashboard and the rules is in the table, and has the labels they use', (t) => {
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

test('every label that an expression groups by or a legend shows exists on the metrics of the expression', (t) => {
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

test('the dashboard has the form that Grafana imports, its panels do not overlap, and the charm has the same file', (t) => {
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

test('every alert has a severity, a summary, a description and a runbook, and every runbook has an alert', (t) => {
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

test('the guide describes every metric and no other, and its links within the page point to headings', (t) => {
  const described = new Set(findNames(read(guide)));
  t.deepEqual([...described].sort(), [...names].sort());
  const headings = [...read(guide).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text.toLowerCase().replaceAll(' ', '-'),
  );
  for (const [, anchor = ''] of read(guide).matchAll(/\]\(#([^)]+)\)/g))
    t.true(headings.includes(anchor), anchor);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillVariables, listAlerts, listExpressions, pathOf, read, rules } from '../support/monitoring.js';
import { makeFolder } from '../support/own-mongod.js';

const run = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' });

/** promtool accepts the rules and the panels, and each rule fires exactly when it must. */
export async function checkRules(): Promise<string> {
  const shown = listExpressions().filter(
    (text) => !text.startsWith('label_values(') && text !== 'prometheus',
  );
  const recorded = shown.map((expr, n) => ({ record: `panel_${n}`, expr: fillVariables(expr) }));
  // JSON is YAML.
  const file = join(makeFolder(), 'panels.yaml');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }));
  const panels = run('check', 'rules', file);
  assert.equal(panels.status, 0, panels.stdout + panels.stderr);
  const check = run('check', 'rules', pathOf(rules));
  assert.equal(check.status, 0, check.stdout + check.stderr);
  const fires = run('test', 'rules', pathOf('tests/metrics/alert-rules.yaml'));
  assert.equal(fires.status, 0, fires.stdout + fires.stderr);
  const tested = read('tests/metrics/alert-rules.yaml');
  const alerts = listAlerts();
  for (const { name } of alerts) assert.ok(tested.includes(name), name);
  return `${alerts.length} rules, ${shown.length} expressions of panels`;
}

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of the repository, as a path. */
export const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
/** The text of it. */
export const read = (path: string) => readFileSync(pathOf(path), 'utf8');

/** The alert rules, the dashboard and the guide to both. */
export const rules = 'docs/monitoring/queuepass-alerts.yaml';
export const dashboard = 'docs/monitoring/queuepass-dashboard.json';
export const guide = 'docs/how-to/monitor.md';

/** The expressions of the dashboard, its variables among them. */
export function listExpressions(): string[] {
  return [...read(dashboard).matchAll(/"(?:expr|query|definition)": ("(?:[^"\\]|\\.)*")/g)].map(
    ([, text = '']) => JSON.parse(text) as string,
  );
}

/** As Grafana does before it asks Prometheus. */
export function fillVariables(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

/** The rules as texts, each from its name on. */
export function listAlerts(): { name: string; text: string }[] {
  return read(rules)
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({ name: text.split('\n')[0] as string, text }));
}

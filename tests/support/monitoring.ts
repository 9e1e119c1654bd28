import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Returns the absolute path of a file of the repository. */
export const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
/** Reads a file of the repository. */
export const read = (path: string) => readFileSync(pathOf(path), 'utf8');

/** The alert rules, the dashboard and the guide to both. */
export const rules = 'docs/monitoring/queuepass-alerts.yaml';
export const dashboard = 'docs/monitoring/queuepass-dashboard.json';
export const guide = 'docs/how-to/monitor.md';

/** Lists the expressions of the dashboard, including those of its variables. */
export function listExpressions(): string[] {
  return [...read(dashboard).matchAll(/"(?:expr|query|definition)": ("(?:[^"\\]|\\.)*")/g)].map(
    ([, text = '']) => JSON.parse(text) as string,
  );
}

/** Replaces the dashboard variables, as Grafana does before it queries Prometheus. */
export function fillVariables(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

/** Lists the alert rules, each with its text from its name on. */
export function listAlerts(): { name: string; text: string }[] {
  return read(rules)
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({ name: text.split('\n')[0] as string, text }));
}

import { ConfigError } from './config-error.js';
import type { ReadOptions, SettingGroup, SettingRow } from './setting-row.js';
import { readSettingText } from './setting-text.js';

/**
 * Reads the settings of several areas from `environment` into one object.
 * @throws ConfigError that lists all invalid settings together; it never contains the value of a secret
 */
export function readSettings(
  groups: readonly SettingGroup[],
  environment: NodeJS.ProcessEnv,
  options: ReadOptions,
): Record<string, unknown> {
  const problems = new Map<string, string>();
  const config: Record<string, unknown> = {};
  for (const { rows, derive } of groups) {
    const values: Record<string, unknown> = {};
    for (const [key, row] of Object.entries(rows)) {
      try {
        values[key] = readRow(row, environment);
      } catch (error) {
        problems.set(row.name, `${row.name} ${(error as Error).message}`);
      }
    }
    Object.assign(
      config,
      values,
      derive?.(values as never, (name) => problems.has(name)),
    );
  }
  for (const { listProblems } of groups) {
    for (const [name, problem] of listProblems?.(config as never, options) ?? []) {
      // A setting that could not be read would otherwise be reported as missing too.
      if (!problems.has(name)) problems.set(name, `${name} ${problem}`);
    }
  }
  if (problems.size > 0) throw new ConfigError([...problems.values()]);
  return config;
}

/**
 * Reads the value of one setting, from its variable or from the one with its other name.
 * @throws Error whose message ends the sentence "NAME ..."
 */
function readRow(row: SettingRow<unknown>, environment: NodeJS.ProcessEnv): unknown {
  const { otherName, fallback } = row;
  const text = readSettingText(row, environment);
  const other = otherName === undefined ? undefined : environment[otherName] || undefined;
  const source = text ?? other ?? fallback;
  const value = source === undefined ? undefined : row.read(source);
  if (text !== undefined && other !== undefined && row.read(other) !== value)
    throw new Error(`and ${otherName} have different values: leave out one of them`);
  return value;
}

/** Lists the warnings that each start prints: settings that are allowed but may be a mistake. */
export function listWarnings(groups: readonly SettingGroup[], config: object): string[] {
  return groups.flatMap((group) => group.listWarnings?.(config as never) ?? []);
}

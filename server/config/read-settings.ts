import { ConfigError } from './config-error.js';
import type { ReadOptions, SettingGroup, SettingRow } from './setting-row.js';
import { readSettingText } from './setting-text.js';

/** What `readSettings` adds to the values of the settings. */
export interface ReadSettings {
  /** Names of the settings that the environment gives and that have no effect in this version. */
  withoutEffect: string[];
}

/**
 * Reads the settings of several areas from `environment` into one object.
 * @throws ConfigError that lists all invalid settings together; it never contains the value of a secret
 */
export function readSettings(
  groups: readonly SettingGroup[],
  environment: NodeJS.ProcessEnv,
  options: ReadOptions,
): ReadSettings {
  const problems = new Map<string, string>();
  const withoutEffect: string[] = [];
  const config: Record<string, unknown> & ReadSettings = { withoutEffect };
  for (const { rows, derive } of groups) {
    const values: Record<string, unknown> = {};
    for (const [key, row] of Object.entries(rows)) {
      try {
        const given = readRow(row, environment);
        if (given.isGiven && row.withoutEffect) withoutEffect.push(row.name);
        values[key] = given.value;
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
function readRow(
  row: SettingRow<unknown>,
  environment: NodeJS.ProcessEnv,
): { value: unknown; isGiven: boolean } {
  const { otherName, fallback } = row;
  const text = readSettingText(row, environment);
  const other = otherName === undefined ? undefined : environment[otherName] || undefined;
  const source = text ?? other ?? fallback;
  const value = source === undefined ? undefined : row.read(source);
  if (text !== undefined && other !== undefined && row.read(other) !== value)
    throw new Error(`and ${otherName} have different values: leave out one of them`);
  return { value, isGiven: text !== undefined || other !== undefined };
}

/** Lists the warnings that each start prints: settings that are allowed but may be a mistake. */
export function listWarnings(groups: readonly SettingGroup[], config: ReadSettings): string[] {
  const warnings = groups.flatMap((group) => group.listWarnings?.(config as never) ?? []);
  if (config.withoutEffect.length > 0) {
    warnings.push(`without effect in this version: ${config.withoutEffect.join(', ')}`);
  }
  return warnings;
}

import { ConfigError } from './config-error.js';
import type { ReadOptions, SettingGroup } from './setting-row.js';
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
        const text = readSettingText(row, environment);
        const source = text ?? row.fallback;
        values[key] = source === undefined ? undefined : row.read(source);
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

/** Lists the warnings that each start prints: settings that are allowed but may be a mistake. */
export function listWarnings(groups: readonly SettingGroup[], config: object): string[] {
  return groups.flatMap((group) => group.listWarnings?.(config as never) ?? []);
}

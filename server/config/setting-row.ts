import type { SettingReader } from './setting-types.js';

/**
 * One setting: the name of its variable, the reader of its text, its default, and its description on the reference
 * page.
 */
export interface SettingRow<T> {
  name: string;
  read: SettingReader<T>;
  /** The default, as an operator would write it; `undefined` if there is none. */
  fallback: string | undefined;
  description: string;
  /** The value is never shown. It can also come from the file that `NAME_FILE` names. */
  secret: boolean;
}

/** The settings of an area, keyed by the names that its code uses. */
export type SettingRows = Readonly<Record<string, SettingRow<unknown>>>;

/** The values of some settings. */
export type ValuesOf<Rows> = { [K in keyof Rows]: Rows[K] extends SettingRow<infer T> ? T : never };

/** The name of a setting, and what is wrong with it given the other settings: the end of the sentence "NAME ...". */
export type SettingProblem = [name: string, problem: string];

/** What the reader of the settings needs: a server needs a signing key, a command that signs no tokens does not. */
export interface ReadOptions {
  signingKeyRequired: boolean;
}

/** The settings of an area, and the rules that apply to several of them. */
export interface SettingGroup<Rows extends SettingRows = SettingRows> {
  rows: Rows;
  /**
   * Computes values from the settings; they replace settings of the same name or are added to them.
   * @param isUnreadable returns whether the text of the named variable could not be read
   */
  derive?(values: ValuesOf<Rows>, isUnreadable: (name: string) => boolean): object;
  /** Lists problems of settings that are each valid alone. `config` also holds the settings of the areas below. */
  listProblems?(config: never, options: ReadOptions): SettingProblem[];
  /** Lists warnings about settings that are allowed but may be a mistake; each start prints them. */
  listWarnings?(config: never): string[];
}

/** Declares a setting with a default. */
export function setting<T>(
  name: string,
  read: SettingReader<T>,
  fallback: string,
  description: string,
): SettingRow<T> {
  return { name, read, fallback, description, secret: false };
}

/** Declares a setting that may be absent. */
export function optional<T>(
  name: string,
  read: SettingReader<T>,
  description: string,
): SettingRow<T | undefined> {
  return { name, read, fallback: undefined, description, secret: false };
}

/** Declares a setting that may be absent and whose value is never shown. */
export function secret<T>(
  name: string,
  read: SettingReader<T>,
  description: string,
): SettingRow<T | undefined> {
  return { ...optional(name, read, description), secret: true };
}

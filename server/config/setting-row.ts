import type { SettingReader } from './setting-types.js';

/** One setting: the variable's name, how its text is read, its default, and a sentence for the reference page. */
export interface SettingRow<T> {
  name: string;
  read: SettingReader<T>;
  /** As an operator would write it; `undefined` where there is none. */
  fallback: string | undefined;
  description: string;
  /** Never shown; can also come from the file that `NAME_FILE` names. */
  secret: boolean;
  /** Read and checked, so that an existing environment starts, but without effect in this version. */
  withoutEffect: boolean;
}

/** The settings of an area, by the names that its code uses. */
export type SettingRows = Readonly<Record<string, SettingRow<unknown>>>;

/** The values of some settings. */
export type ValuesOf<Rows> = { [K in keyof Rows]: Rows[K] extends SettingRow<infer T> ? T : never };

/** The name of a setting, and what is wrong with it in the light of the others: the end of the sentence "NAME ...". */
export type SettingProblem = [name: string, problem: string];

/** What reads the settings: a server, or a command that signs no tokens. */
export interface ReadOptions {
  signingKeyRequired: boolean;
}

/** The settings of an area, and what is true of them together. */
export interface SettingGroup<Rows extends SettingRows = SettingRows> {
  rows: Rows;
  /**
   * Values that follow from the settings, in their place or beside them.
   * @param isUnreadable whether the text of the named variable could not be read
   */
  derive?(values: ValuesOf<Rows>, isUnreadable: (name: string) => boolean): object;
  /** What is wrong with settings that are each right by themselves; `config` holds those of the areas below too. */
  listProblems?(config: never, options: ReadOptions): SettingProblem[];
  /** What is allowed and may not be meant: written at each start. */
  listWarnings?(config: never): string[];
}

/** A setting with a default. */
export function setting<T>(
  name: string,
  read: SettingReader<T>,
  fallback: string,
  description: string,
): SettingRow<T> {
  return { name, read, fallback, description, secret: false, withoutEffect: false };
}

/** A setting that may be absent. */
export function optional<T>(
  name: string,
  read: SettingReader<T>,
  description: string,
): SettingRow<T | undefined> {
  return { name, read, fallback: undefined, description, secret: false, withoutEffect: false };
}

/** A setting that may be absent and is never shown. */
export function secret<T>(
  name: string,
  read: SettingReader<T>,
  description: string,
): SettingRow<T | undefined> {
  return { ...optional(name, read, description), secret: true };
}

/** The same setting, accepted without effect. */
export function withoutEffect<T>(row: SettingRow<T>): SettingRow<T> {
  return { ...row, withoutEffect: true };
}

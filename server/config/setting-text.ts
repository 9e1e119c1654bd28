import { readFileSync } from 'node:fs';

/** What the reading of a setting's text needs of its row. */
export interface SettingSource {
  name: string;
  secret: boolean;
}

/**
 * The text of a setting, from its variable or, for a secret, from the file that `NAME_FILE` names (one line end at its
 * end is not part of it). An empty variable counts as not given, as `environment:` lines of compose files leave it.
 * @throws Error whose message ends the sentence "NAME ...", when both are given or the file cannot be used.
 */
export function readSettingText(row: SettingSource, environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment[row.name] || undefined;
  const file = row.secret ? environment[`${row.name}_FILE`] || undefined : undefined;
  if (file === undefined) return given;
  if (given !== undefined) throw new Error(`is given twice: leave out ${row.name} or ${row.name}_FILE`);
  const text = readText(file).replace(/\r?\n$/, '');
  // An empty secret would be taken for none, and an embedded database or key for the one that was meant.
  if (text === '') throw new Error(`has an empty file: ${file}`);
  return text;
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Error(`cannot be read from its file ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Its bytes would be replaced, so that all such keys look alike.
    throw new Error(`has a file that is no UTF-8 text: ${file}`);
  }
}

import { readFileSync } from 'node:fs';

/** The fields of a setting's row that `readSettingText` uses. */
export interface SettingSource {
  name: string;
  secret: boolean;
}

/**
 * Reads the text of a setting from its variable or, for a secret, from the file that `NAME_FILE` names, without the line
 * end at the end of that file. An empty variable counts as absent: `environment:` lines of compose files produce one.
 * @throws Error whose message ends the sentence "NAME ...", if both are given or the file cannot be used
 */
export function readSettingText(row: SettingSource, environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment[row.name] || undefined;
  const file = row.secret ? environment[`${row.name}_FILE`] || undefined : undefined;
  if (file === undefined) return given;
  if (given !== undefined) throw new Error(`is given twice: leave out ${row.name} or ${row.name}_FILE`);
  const text = readText(file).replace(/\r?\n$/, '');
  // An empty secret would count as absent, and the server would start with an embedded database or a new key.
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
    // Decoding would replace the invalid bytes, and different keys could become the same text.
    throw new Error(`has a file that is not valid UTF-8: ${file}`);
  }
}

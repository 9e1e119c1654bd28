import { type Setting, settings } from '../../server/config/config.js';
import { presentOrigin, presentTable } from './markdown.js';

/** The page of all settings. */
export function presentConfigPage(): string {
  const rows = Object.values(settings as Record<string, Setting<unknown>>);
  const inForce = rows.filter((row) => !row.later);
  const later = rows.filter((row) => row.later);
  return `${presentOrigin('server/config/config.ts')}
# Settings

Settings are environment variables. A wrong one stops the start; all wrong ones are told together. An empty variable
counts as not given. One marked *secret* can also come from a file: set \`NAME_FILE\` to its path instead (one line end at
its end is dropped). Secrets are never logged.

${presentTable(['name', 'default', 'meaning'], inForce.map(presentRow))}

## Accepted, without effect in this version

An existing environment may hold these. They are read and checked, and the start warns of those that are given.

${presentTable(['name', 'default', 'meaning'], later.map(presentRow))}
`;
}

function presentRow({ name, fallback, sentence, secret }: Setting<unknown>): string[] {
  return [`\`${name}\``, fallback ? `\`${fallback}\`` : '', secret ? `*Secret.* ${sentence}` : sentence];
}

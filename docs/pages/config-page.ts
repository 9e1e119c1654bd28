import { settingRows } from '../../server/areas.js';
import type { SettingRow } from '../../server/config/setting-row.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all settings. */
export function presentConfigPage(): string {
  return `${presentOrigin('the settings.ts of each area')}
# Settings

Configure the server with these environment variables. An empty variable counts as not set. If any value is invalid, the
server prints all invalid ones and does not start.

A setting marked *secret* can also come from a file: set \`NAME_FILE\` to the path of the file instead. One newline at the
end of the file is ignored. Secrets are never logged.

${presentTable(['name', 'default', 'meaning'], settingRows.map(presentRow))}
`;
}

function presentRow({ name, fallback, description, secret }: SettingRow<unknown>): string[] {
  return [
    `\`${name}\``,
    fallback ? `\`${fallback}\`` : '',
    secret ? `*Secret.* ${description}` : description,
  ];
}

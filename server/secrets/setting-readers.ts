import { asStringList, asText, type SettingReader } from '../config/setting-types.js';
import { sealKeyBytes } from '../crypto/sealed-bytes.js';
import { checkMongodbUri } from '../db/mongodb-uri.js';

/** The part of an error text that says how to create a master key. */
const masterKeyHint = 'make one with: openssl rand -base64 96 | tr -d "\\n"';

/** Reads a master key: base64 of 96 bytes. White space, such as the line ends that openssl prints, is ignored. */
export const asMasterKey: SettingReader<Buffer> = (text) => {
  const key = readMasterKey(text);
  if (key !== undefined) return key;
  throw new Error(`must be base64 of ${sealKeyBytes} bytes; ${masterKeyHint}`);
};

/** Reads a JSON array of master keys. */
export const asMasterKeyList: SettingReader<Buffer[]> = (text) =>
  asStringList(text).map((item) => {
    const key = readMasterKey(item);
    if (key !== undefined) return key;
    throw new Error(`must be a JSON array of master keys, each base64 of ${sealKeyBytes} bytes`);
  });

/** Decodes a master key from base64. Returns `undefined` if the text is not a master key. */
export function readMasterKey(text: string): Buffer | undefined {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*$/.test(digits)) return undefined;
  const key = Buffer.from(digits, 'base64');
  // 96 bytes are 128 digits without padding.
  return key.length === sealKeyBytes && digits.length === (sealKeyBytes * 4) / 3 ? key : undefined;
}

/** Reads a MongoDB connection string. */
export const asMongodbUri: SettingReader<string> = (text) => {
  const problem = checkMongodbUri(asText(text));
  if (problem === undefined) return text;
  throw new Error(problem);
};

/** Reads the URL of an HTTP API, without query, fragment and credentials. */
export const asHttpUrl: SettingReader<string> = (text) => {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password) {
    return text.trim();
  }
  throw new Error('must be an address such as https://vault.example:8200');
};

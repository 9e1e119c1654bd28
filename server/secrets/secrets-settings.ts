import { sealKeyBytes } from '../crypto/sealed-bytes.js';
import { checkMongodbUri } from '../db/mongodb-uri.js';
import { asStringList, asText, type SettingReader } from '../config/setting-types.js';

/** How to make a master key, for error texts. */
const howToMakeAMasterKey = 'make one with: openssl rand -base64 96 | tr -d "\\n"';

/** A master key: base64 of 96 bytes; blanks and line ends in it, as openssl prints them, are passed over. */
export const asMasterKey: SettingReader<Buffer> = (text) => {
  const key = readMasterKey(text);
  if (key !== undefined) return key;
  throw new Error(`must be base64 of ${sealKeyBytes} bytes; ${howToMakeAMasterKey}`);
};

/** A JSON array of master keys. */
export const asMasterKeyList: SettingReader<Buffer[]> = (text) =>
  asStringList(text).map((item) => {
    const key = readMasterKey(item);
    if (key !== undefined) return key;
    throw new Error(`must be a JSON array of master keys, each base64 of ${sealKeyBytes} bytes`);
  });

/** The key that a text is, or `undefined` when it is none. */
export function readMasterKey(text: string): Buffer | undefined {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*$/.test(digits)) return undefined;
  const key = Buffer.from(digits, 'base64');
  // 96 bytes are 128 digits without padding.
  return key.length === sealKeyBytes && digits.length === (sealKeyBytes * 4) / 3 ? key : undefined;
}

/** A connection string of MongoDB. */
export const asMongodbUri: SettingReader<string> = (text) => {
  const problem = checkMongodbUri(asText(text));
  if (problem === undefined) return text;
  throw new Error(problem);
};

/** The address of an HTTP API, without a query. */
export const asHttpUrl: SettingReader<string> = (text) => {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password) {
    return text.trim();
  }
  throw new Error('must be an address such as https://vault.example:8200');
};

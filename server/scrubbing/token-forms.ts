import { serverKeyPrefix } from '../auth/client-key-format.js';
import { defaultMark } from './choose-mark.js';

/**
 * The beginning, in base64url, of every token that this server signs: `{"alg":"HS256","typ":"JWT"`, then `}` or a
 * `kid`.
 */
const tokenStart = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVC';

/**
 * Matches a token of three base64url parts, or a key that the server generated. A truncated last part matches too,
 * because a masker may have held back its end. The header's length is limited; otherwise every token start in a long
 * run of base64url characters would scan the run to its end. `{20,}` would overflow the stack on a long run.
 */
const tokens = new RegExp(
  `${tokenStart}[\\w-]{0,256}\\.[\\w-]+\\.[\\w-]+|${serverKeyPrefix}[a-z0-9]{12}_[\\w-]{20}[\\w-]*`,
  'g',
);

/**
 * Replaces everything that looks like a token of this server with a mark: access and job tokens (`signAccessToken`) and
 * keys that the server generated (`qpk_`). Returns the same string if it contains none. Refresh tokens are not masked:
 * they are 64 random characters, which look like a hash or an id. A token that is split over two texts is not found.
 * @param mark `Masker.mark`, if a masker has processed the text
 */
export function maskTokens(text: string, mark = defaultMark): string {
  if (!text.includes(tokenStart) && !text.includes(serverKeyPrefix)) return text;
  return text.replace(tokens, mark);
}

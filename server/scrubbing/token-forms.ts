import { usualMark } from './choose-mark.js';
import { serverKeyPrefix } from '../auth/client-key-format.js';

/** How the header of each token signed by this server begins in base64url: `{"alg":"HS256","typ":"JWT"`, then `}` or a `kid`. */
const tokenStart = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVC';

/**
 * A token of three base64url parts, or a key made by the server. A secret part that is cut short is masked too: what a
 * masker holds back of a fragment may have cut it. The header has a bound, as each token start within one run would
 * otherwise read the run to its end.
 */
const tokens = new RegExp(
  `${tokenStart}[\\w-]{0,256}\\.[\\w-]+\\.[\\w-]+|${serverKeyPrefix}[a-z0-9]{12}_[\\w-]{20,}`,
  'g',
);

/**
 * The text with a mark for each text of the form of a token of this server, whoever's it is: access and job tokens
 * (`signAccessToken`) and keys made by the server (`qpk_`). Without one the very text. Refresh tokens are 64 random
 * characters that nothing tells from a hash or an id: they stay. A token that lies in two texts is not found.
 * @param mark `Masker.mark`, where a masker has gone over the text
 */
export function maskTokens(text: string, mark = usualMark): string {
  if (!text.includes(tokenStart) && !text.includes(serverKeyPrefix)) return text;
  return text.replace(tokens, mark);
}

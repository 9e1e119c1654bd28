import type { AuthCollections } from '../auth/collections.js';
import { adminClientId } from './client-rights.js';

/** Characters, as code points in hex, that look like an ASCII character once accents and compatibility forms are removed. */
const lookAlikes: Readonly<Record<string, string>> = {
  a: '0251 03B1 0430',
  b: '0184 0185 042C 044C',
  c: '03F2 0441',
  d: '0501',
  e: '0435 04BD',
  g: '0261 0581',
  h: '04BB 0570',
  i: '0131 0269 026A 03B9 0456',
  j: '03F3 0458',
  k: '0138 03BA 043A',
  l: '0031 0049 007C 01C0 0399 0406 04C0 04CF',
  n: '03B7 0578 057C',
  o: '0030 03BF 03C3 043E 0555 0585',
  p: '03C1 0440',
  q: '051B 0563',
  r: '027E 0433',
  s: '0455 A731',
  t: '03C4 0442',
  u: '028B 03C5 057D',
  v: '03BD 0475',
  w: '0461 051D',
  x: '03C7 0445',
  y: '028F 03B3 0443 04AF',
  z: '1D22',
  A: '0391 0410',
  B: '0392 0412',
  C: '03F9 0421',
  E: '0395 0415',
  H: '0397 041D',
  J: '0408',
  K: '039A 041A',
  M: '039C 041C 043C',
  N: '039D',
  O: '039F 041E',
  P: '03A1 0420',
  S: '0405 054F',
  T: '03A4 0422',
  X: '03A7 0425',
  Y: '03A5 04AE',
  Z: '0396',
};

const plainCharacters = new Map(
  Object.entries(lookAlikes).flatMap(([plain, codes]) =>
    codes
      .split(' ')
      .map((code): [string, string] => [String.fromCodePoint(Number.parseInt(code, 16)), plain]),
  ),
);

/** The ASCII characters that look like another one. */
const confusableAscii = '01I|';

/**
 * Returns an id without case, accents and compatibility forms, with each character replaced by the ASCII character that it
 * looks like. Capital I, 1 and | look like l, and 0 looks like o.
 */
function presentSkeleton(id: string): string {
  const isAscii = !/[^\x00-\x7f]/.test(id);
  const base = isAscii
    ? id
    : id
        .normalize('NFKD')
        .replaceAll(/[\p{M}\p{Default_Ignorable_Code_Point}]/gu, '')
        .replaceAll(/[\p{Pd}\u2212]/gu, '-');
  return base
    .replaceAll(
      isAscii ? new RegExp(`[${confusableAscii}]`, 'g') : /./gsu,
      (character) => plainCharacters.get(character) ?? character,
    )
    .toLowerCase();
}

/** The stored id as `presentSkeleton` returns it, if it is ASCII: an expression for MongoDB. */
const storedSkeleton = {
  $toLower: [...confusableAscii].reduce<unknown>(
    (input, find) => ({ $replaceAll: { input, find, replacement: plainCharacters.get(find) } }),
    '$client_id',
  ),
};

/**
 * Returns the id of another client that people can confuse with a new id, or `undefined`: it differs only by case, accents
 * or characters that look the same. The admin client counts even if it has no record. MongoDB compares the ids of all
 * clients, and returns those that are not ASCII, so use it for new ids only.
 */
export async function findLookAlike(
  { clients }: Pick<AuthCollections, 'clients'>,
  clientId: string,
): Promise<string | undefined> {
  const lower = clientId.toLowerCase();
  const skeleton = presentSkeleton(clientId);
  const isAlike = (id: string) => id.toLowerCase() === lower || presentSkeleton(id) === skeleton;
  if (clientId !== adminClientId && isAlike(adminClientId)) return adminClientId;
  const candidates = clients.find(
    {
      client_id: { $type: 'string', $ne: clientId },
      $or: [
        { client_id: /[^\x00-\x7f]/ },
        {
          $expr: {
            $or: [
              { $eq: [{ $toLower: '$client_id' }, { $literal: lower }] },
              { $eq: [storedSkeleton, { $literal: skeleton }] },
            ],
          },
        },
      ],
    },
    { projection: { _id: 0, client_id: 1 } },
  );
  for await (const { client_id: id } of candidates) if (isAlike(id)) return id;
  return undefined;
}

/** A letter or digit that is not of the Latin alphabet, nor of those that are written together with it. */
const foreign =
  /(?![\p{scx=Latin}\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}0-9])[\p{L}\p{N}]/u;

/** Returns why a new id could be mistaken for another text, or `undefined` if it could not. */
export function findMisleadingText(clientId: string): string | undefined {
  if (
    clientId !== clientId.normalize('NFC') ||
    /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(clientId)
  ) {
    return 'Must be in the Unicode form NFC and without invisible characters.';
  }
  if (/\p{Script=Latin}/u.test(clientId) && foreign.test(clientId)) {
    return 'Must not mix Latin letters with letters or digits of another alphabet.';
  }
  return undefined;
}

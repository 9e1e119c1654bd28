import type { Db } from 'mongodb';
import { type AdoptionStep, nothingFound, type Survey } from '../core/adoption.js';
import { digestToken } from '../crypto/digest.js';
import { authCollections, type RefreshToken } from './collections.js';

const isPlainText = { refresh_token: { $not: /^sha256:/ } };

function refreshTokensOf(db: Db) {
  return db.collection<RefreshToken>(authCollections.refreshTokens);
}

/** Counts the refresh tokens that an existing database stores in plain text. */
export const surveyTokens: Survey = async (db) => {
  const count = await refreshTokensOf(db).countDocuments(isPlainText);
  if (count === 0) return nothingFound;
  return { ...nothingFound, notes: [`${count} are stored in plain text, until queuepass migrate --finish`] };
};

/** Replaces each plain-text refresh token with its digest; a Testflinger server cannot use it afterwards. */
export const hashTokens: AdoptionStep<number> = {
  name: 'hashedTokens',
  isFinal: true,
  announcement: 'hashing refresh tokens that are stored in plain text',
  async run(db) {
    const refreshTokens = refreshTokensOf(db);
    let hashed = 0;
    for await (const { _id, refresh_token: token } of refreshTokens.find(isPlainText)) {
      // The filter has the token, so that a token that has changed since is left unchanged.
      const filter = { _id, refresh_token: token };
      const { modifiedCount } = await refreshTokens.updateOne(filter, {
        $set: { refresh_token: digestToken(token) },
      });
      hashed += modifiedCount;
    }
    return hashed;
  },
  present: (hashed) => `refresh tokens: ${hashed} hashed; this cannot be undone`,
  hasChanged: (hashed) => hashed > 0,
};

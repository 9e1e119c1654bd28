import type { Db } from 'mongodb';
import { type AdoptionStep, nothingFound, type Survey } from '../core/adoption.js';
import { digestToken } from '../crypto/digest.js';
import { authCollections, type RefreshToken } from './collections.js';

const isClear = { refresh_token: { $not: /^sha256:/ } };

function refreshTokensOf(db: Db) {
  return db.collection<RefreshToken>(authCollections.refreshTokens);
}

/** Refresh tokens that an existing database holds in clear. */
export const surveyTokens: Survey = async (db) => {
  const clear = await refreshTokensOf(db).countDocuments(isClear);
  if (clear === 0) return nothingFound;
  return { ...nothingFound, notes: [`${clear} are stored in clear, until queuepass migrate --finish`] };
};

/** Replaces each clear refresh token with the digest that logins look for, which a Testflinger server cannot read. */
export const hashTokens: AdoptionStep<number> = {
  name: 'hashedTokens',
  isFinal: true,
  announcement: 'hashing clear refresh tokens',
  async run(db) {
    const refreshTokens = refreshTokensOf(db);
    let hashed = 0;
    for await (const { _id, refresh_token: token } of refreshTokens.find(isClear)) {
      // Guarded by the token: one that was changed meanwhile is left as it is.
      const filter = { _id, refresh_token: token };
      const { modifiedCount } = await refreshTokens.updateOne(filter, {
        $set: { refresh_token: digestToken(token) },
      });
      hashed += modifiedCount;
    }
    return hashed;
  },
  present: (hashed) => `refresh tokens: ${hashed} hashed; there is no way back now`,
  hasChanged: (hashed) => hashed > 0,
};

import type { Db } from 'mongodb';
import { createHash } from 'node:crypto';
import { type Collections, openCollections } from '../db/collections.js';
import { ensureIndexes } from '../db/indexes.js';
import { type Adopted, adoptJobs } from './adopt-jobs.js';
import { adoptLogs } from './adopt-logs.js';

/** What a migration did. */
export interface Migrated {
  jobs: Adopted;
  logs: { live: number; repeated: number };
  /** Clear refresh tokens that were replaced by their digests; only with `finish`. */
  hashedTokens?: number;
}

/**
 * Brings the indexes and the few new fields that a Testflinger database lacks. Nothing is deleted, and that server still
 * runs on it afterwards, unless `finish` is set: then clear refresh tokens become digests, which it cannot read.
 * Can be cut short and run again, beside servers that go on working.
 */
export async function migrate(
  db: Db,
  { finish = false, report = () => undefined }: { finish?: boolean; report?: (line: string) => void } = {},
): Promise<Migrated> {
  const collections = openCollections(db);
  report('making the indexes that are missing');
  await ensureIndexes(collections);
  const jobs = await adoptJobs(collections.jobs, (looked) => report(`${looked} jobs looked at`));
  const logs = await adoptLogs(db.collection('logs'));
  if (!finish) return { jobs, logs };
  report('hashing clear refresh tokens');
  return { jobs, logs, hashedTokens: await hashRefreshTokens(collections) };
}

/** Replaces each clear refresh token by the digest that logins look for. */
async function hashRefreshTokens({ refreshTokens }: Collections): Promise<number> {
  let hashed = 0;
  for await (const { _id, refresh_token: token } of refreshTokens.find({
    refresh_token: { $not: /^sha256:/ },
  })) {
    const digest = `sha256:${createHash('sha256').update(token).digest('hex')}`;
    // Guarded by the token: one that was changed meanwhile is left as it is.
    const filter = { _id, refresh_token: token };
    hashed += (await refreshTokens.updateOne(filter, { $set: { refresh_token: digest } })).modifiedCount;
  }
  return hashed;
}

import type { Config } from '../areas.js';
import { type DataDir, ensureSigningKey } from './data-dir.js';

/** The settings with the signing key of the data directory, where they name none. */
export function withSigningKey(config: Config, dataDir: DataDir): Config {
  return { ...config, jwtSigningKey: config.jwtSigningKey ?? ensureSigningKey(dataDir) };
}

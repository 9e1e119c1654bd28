import type { Config } from '../areas.js';
import { type DataDir, ensureSigningKey } from './data-dir.js';

/** Returns the settings, with the data directory's signing key if they contain none. */
export function withSigningKey(config: Config, dataDir: DataDir): Config {
  return { ...config, jwtSigningKey: config.jwtSigningKey ?? ensureSigningKey(dataDir) };
}

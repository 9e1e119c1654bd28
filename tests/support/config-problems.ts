import { readConfig } from '../../server/areas.js';
import { ConfigError } from '../../server/config/config-error.js';

/** Returns the problems that stop a server with these settings, one for each setting; none if it starts. */
export function listProblems(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

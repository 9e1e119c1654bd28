import { batchingScenarios } from './batching-scenarios.js';
import { claimScenarios } from './claim-scenarios.js';
import { hostileScenarios } from './hostile-scenarios.js';
import { readScenarios } from './read-scenarios.js';
import type { Scenario } from './scenario.js';
import { tokenScenarios } from './token-scenarios.js';
import { wholeJobScenarios } from './whole-job-scenarios.js';
import { workerScenarios } from './worker-scenarios.js';
import { yardsticks } from './yardsticks.js';

/** All scenarios in the order of one round. Each comes after those that it is compared with. */
export const allScenarios: readonly Scenario[] = [
  ...yardsticks,
  ...tokenScenarios,
  ...batchingScenarios,
  ...claimScenarios,
  ...readScenarios,
  ...hostileScenarios,
  ...workerScenarios,
  ...wholeJobScenarios,
];

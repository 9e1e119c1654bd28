/* The `queuepass` command from source, for tests that run it as a process. */
import { main } from '../../server/cli/main.js';

await main();

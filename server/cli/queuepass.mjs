#!/usr/bin/env node
let main;
try {
  ({ main } = await import('../../dist/cli/main.js'));
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  process.stderr.write(
    `queuepass: the program is not built (${error.message.split('\n')[0]}): run npm ci or npm run build\n`,
  );
  process.exit(1);
}

await main();

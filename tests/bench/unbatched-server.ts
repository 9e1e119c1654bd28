import { createApp } from '../../server/app.js';
import { readConfig } from '../../server/config/config.js';
import { createDeps } from '../../server/create-deps.js';
import { openConnection } from '../../server/db/connect.js';
import { listen } from '../../server/process/http-server.js';
import { createLog } from '../../server/process/log.js';

/** A baseline: the server without batching, where each small read and write is one command. */
const config = readConfig(process.env);
const deps = createDeps({
  config,
  connection: openConnection(config, config.mongodbUri as string),
  log: createLog(config),
  signingKey: config.jwtSigningKey as string,
  withoutBatches: true,
});
await deps.databaseClock.measure();
deps.agentWatch.start();
const { url } = await listen(createApp(deps).callback(), config.listen);
process.stderr.write(`Queuepass listens on ${url}\n`);

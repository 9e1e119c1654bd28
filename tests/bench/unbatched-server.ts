import { createApp } from '../../server/app.js';
import { createDeps, prepareAreas, readConfig, startAreas } from '../../server/areas.js';
import { Batching } from '../../server/db/batching.js';
import { openConnection } from '../../server/db/connect.js';
import { listen } from '../../server/process/http-server.js';
import { createLog } from '../../server/process/log.js';

/** A baseline: the server without batching, so that each small read and write is one command. */
const config = readConfig(process.env);
const deps = createDeps({
  config,
  connection: openConnection(config, config.mongodbUri as string),
  log: createLog(config),
  overrides: { batching: new Batching(true) },
});
await prepareAreas(deps);
startAreas(deps);
const { url } = await listen(createApp(deps).callback(), config.listen);
process.stderr.write(`Queuepass listens on ${url}\n`);

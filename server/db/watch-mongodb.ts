import type { Core } from '../core/core.js';
import type { DatabaseServices } from './services.js';

/** The types of servers that accept writes. */
const writable = new Set(['RSPrimary', 'Standalone', 'Mongos', 'LoadBalancer']);

/**
 * Measures the connection pool and the commands by the driver's pool events: the time of a command is the time for which
 * it holds a connection. The driver's command events would also name the command, but with them the driver reads every
 * response twice, which takes 60 % more CPU time for reading a log.
 */
export function watchMongodb({
  connection: { client },
  metrics,
}: Core & Pick<DatabaseServices, 'metrics'>): void {
  const pool = { open: 0, inUse: 0, waiting: 0 };
  // By the address and the id of a connection.
  const checkedOutAt = new Map<string, Map<number | string, number>>();
  client.on('connectionCreated', () => (pool.open += 1));
  client.on('connectionClosed', ({ address, connectionId }) => {
    pool.open -= 1;
    checkedOutAt.get(address)?.delete(connectionId);
  });
  client.on('connectionCheckOutStarted', () => (pool.waiting += 1));
  client.on('connectionCheckOutFailed', ({ reason }) => {
    pool.waiting -= 1;
    metrics.mongodbNoConnection.inc({ reason });
  });
  client.on('connectionCheckedOut', ({ address, connectionId }) => {
    pool.waiting -= 1;
    pool.inUse += 1;
    if (!checkedOutAt.has(address)) checkedOutAt.set(address, new Map());
    checkedOutAt.get(address)?.set(connectionId, performance.now());
  });
  client.on('connectionCheckedIn', ({ address, connectionId }) => {
    pool.inUse -= 1;
    const at = checkedOutAt.get(address)?.get(connectionId);
    // An error thrown here would interrupt the driver.
    if (at !== undefined) metrics.mongodbSeconds.observe((performance.now() - at) / 1000);
  });
  client.on('connectionPoolClosed', ({ address }) => checkedOutAt.delete(address));
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const isKnown = [...newDescription.servers.values()].some(({ type }) => writable.has(type));
    metrics.mongodbPrimary.set(isKnown ? 1 : 0);
  });
  metrics.mongodbLimit.set(client.options.maxPoolSize);
  metrics.mongodbPrimary.set(0);
  metrics.beforeScrape.push(() => {
    metrics.mongodbOpen.set(pool.open);
    metrics.mongodbInUse.set(pool.inUse);
    metrics.mongodbWaiting.set(pool.waiting);
  });
}

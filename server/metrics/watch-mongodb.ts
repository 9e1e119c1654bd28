import type { MongoClient } from 'mongodb';
import type { Metrics } from './create-metrics.js';

/** The kinds of servers that take writes. */
const writable = new Set(['RSPrimary', 'Standalone', 'Mongos', 'LoadBalancer']);

/**
 * Follows the connection pool by the driver's events, and takes the time for which a command has its connection for that
 * of the command. The driver's command events would tell its name as well, but make it read every answer twice: 60 %
 * more CPU time for reading a log.
 */
export function watchMongodb(client: MongoClient, metrics: Metrics): void {
  const { mongodbOpen, mongodbInUse, mongodbWaiting, mongodbSeconds, mongodbNoConnection } = metrics;
  const since = new Map<string, number>();
  metrics.mongodbLimit.set(client.options.maxPoolSize);
  metrics.mongodbPrimary.set(0);
  client.on('connectionCreated', () => mongodbOpen.inc());
  client.on('connectionClosed', () => mongodbOpen.dec());
  client.on('connectionCheckOutStarted', () => mongodbWaiting.inc());
  client.on('connectionCheckOutFailed', ({ reason }) => {
    mongodbWaiting.dec();
    mongodbNoConnection.inc({ reason });
  });
  client.on('connectionCheckedOut', ({ address, connectionId }) => {
    mongodbWaiting.dec();
    mongodbInUse.inc();
    since.set(`${address}/${connectionId}`, performance.now());
  });
  client.on('connectionCheckedIn', ({ address, connectionId }) => {
    mongodbInUse.dec();
    const key = `${address}/${connectionId}`;
    const begun = since.get(key);
    // What is thrown here would be thrown in the middle of the driver.
    if (begun !== undefined) mongodbSeconds.observe((performance.now() - begun) / 1000);
    since.delete(key);
  });
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const isKnown = [...newDescription.servers.values()].some(({ type }) => writable.has(type));
    metrics.mongodbPrimary.set(isKnown ? 1 : 0);
  });
}

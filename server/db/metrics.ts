import { counter, gauge, histogram } from '../core/metric-row.js';

/** The metrics of the connection to MongoDB. */
export const databaseMetrics = {
  mongodbPrimary: gauge(
    'queuepass_mongodb_primary_known',
    '1 while the server knows a MongoDB that accepts writes, else 0.',
    {},
    'min',
  ),
  mongodbSeconds: histogram(
    'queuepass_mongodb_command_seconds',
    'Time for which a command held a connection: its round trip, in seconds.',
    [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
  ),
  mongodbOpen: gauge('queuepass_mongodb_connections_open', 'Open connections of the pool.'),
  mongodbInUse: gauge(
    'queuepass_mongodb_connections_in_use',
    'Connections of the pool that a command is using.',
  ),
  mongodbLimit: gauge('queuepass_mongodb_connections_limit', 'Maximum number of connections of the pool.'),
  mongodbWaiting: gauge('queuepass_mongodb_commands_waiting', 'Commands that are waiting for a connection.'),
  mongodbNoConnection: counter(
    'queuepass_mongodb_connection_failures_total',
    'Commands that got no connection.',
    { reason: '`timeout`, `connectionError` or `poolClosed`' },
    ['timeout', 'connectionError', 'poolClosed'].map((reason) => ({ reason })),
  ),
};

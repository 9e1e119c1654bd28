import { setting, type ValuesOf } from '../config/setting-row.js';
import { asText } from '../config/setting-types.js';

/** Settings of the embedded MongoDB. */
export const mongodSettings = {
  rows: {
    dataDir: setting(
      'QUEUEPASS_DATA_DIR',
      asText,
      '.queuepass',
      'Directory of the embedded MongoDB, its keys and the admin key; used when no MongoDB is named.',
    ),
  },
};

/** The settings of the embedded MongoDB. */
export type MongodSettings = ValuesOf<typeof mongodSettings.rows>;

import { setting, type ValuesOf } from '../config/setting-row.js';
import { asText } from '../config/setting-types.js';

/** Settings of the embedded MongoDB. */
export const mongodSettings = {
  rows: {
    dataDir: setting(
      'QUEUEPASS_DATA_DIR',
      asText,
      '.queuepass',
      'Directory of the embedded MongoDB, the signing key and the admin key; used if no setting names a MongoDB.',
    ),
  },
};

/** The settings of the embedded MongoDB. */
export type MongodSettings = ValuesOf<typeof mongodSettings.rows>;

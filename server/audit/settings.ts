import { setting, type ValuesOf } from '../config/setting-row.js';
import { asInteger } from '../config/setting-types.js';

/** The settings of the audit trail. */
export const auditSettings = {
  rows: {
    auditDays: setting(
      'AUDIT_DAYS',
      asInteger(1, 3650),
      '400',
      'Days for which an audit event is kept, counted from when it is stored.',
    ),
  },
};

/** The settings of the audit trail. */
export type AuditSettings = ValuesOf<typeof auditSettings.rows>;

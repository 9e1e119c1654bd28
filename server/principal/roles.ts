/** The roles, from the one with most rights to the one with least. */
export const roles = ['admin', 'manager', 'contributor', 'agent'] as const;

/** A role that a client can have. */
export type Role = (typeof roles)[number];

/** The sets of roles that routes are open to. */
export const roleGroups = {
  admins: ['admin'],
  managers: ['manager', 'admin'],
  submitters: ['contributor', 'manager', 'admin'],
  agents: ['agent'],
  /** Those who report about agents. */
  reporters: ['agent', 'manager', 'admin'],
  everyRole: ['agent', 'contributor', 'manager', 'admin'],
} as const satisfies Record<string, readonly Role[]>;

/** Whether `role` has more rights than `other`; a word that is not a role has the least. */
export function outranks(role: string, other: string): boolean {
  return rank(role) < rank(other);
}

function rank(role: string): number {
  const position = (roles as readonly string[]).indexOf(role);
  return position === -1 ? roles.length : position;
}

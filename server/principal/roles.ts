/** The roles, from most to fewest rights. */
export const roles = ['admin', 'manager', 'contributor', 'agent'] as const;

/** A role that a client can have. */
export type Role = (typeof roles)[number];

/** The sets of roles that routes allow. */
export const roleGroups = {
  admins: ['admin'],
  managers: ['manager', 'admin'],
  submitters: ['contributor', 'manager', 'admin'],
  agents: ['agent'],
  /** Callers that report about agents. */
  reporters: ['agent', 'manager', 'admin'],
  everyRole: ['agent', 'contributor', 'manager', 'admin'],
} as const satisfies Record<string, readonly Role[]>;

/** Returns whether `role` has more rights than `other`; an unknown role has the fewest. */
export function outranks(role: string, other: string): boolean {
  return rank(role) < rank(other);
}

/** Returns whether a role may manage clients, queues and the jobs of others. */
export function isManagingRole(role: string): boolean {
  return (roleGroups.managers as readonly string[]).includes(role);
}

function rank(role: string): number {
  const position = (roles as readonly string[]).indexOf(role);
  return position === -1 ? roles.length : position;
}

import { roleGroups } from '../principal/roles.js';

/** What the header of a page shows about the person who looks at it. */
export interface Viewer {
  /** Who is signed in; absent while nobody is. */
  name?: string | undefined;
  /** Whether the header links to the lists. */
  seesLists: boolean;
  /** The path to sign in at, for a header with that link. */
  signIn?: string | undefined;
}

/** The parts of a caller that a page shows. */
interface Caller {
  role: string;
  clientId?: string;
  session?: { name?: string };
}

/** Returns what a page shows about the caller of its route. */
export function describeViewer({ role, clientId, session }: Caller): Viewer {
  const name = session && (session.name || clientId);
  return { name, seesLists: maySeeLists(role) };
}

/** Returns whether callers with this role can read the lists of agents, jobs and queues. */
function maySeeLists(role: string): boolean {
  return (roleGroups.submitters as readonly string[]).includes(role);
}

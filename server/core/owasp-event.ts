/** The fields of a security event that its OWASP name needs. */
interface NamedEvent {
  event: string;
  outcome: 'accepted' | 'refused';
  actor?: string;
  target?: string;
  created?: boolean;
}

type Ids = 'actor' | 'target' | 'actor,target';
type Row = readonly [name: string, ids: Ids];

/**
 * The names of the OWASP Logging Vocabulary that a Testflinger server logs, by the name and outcome of our events. The
 * client of a failed login is its target, since it has not proved to be that client.
 */
const rows: Readonly<Record<string, Partial<Record<NamedEvent['outcome'], Row>>>> = {
  login: { accepted: ['authn_login_success', 'actor'], refused: ['authn_login_fail', 'target'] },
  refresh: { accepted: ['authn_token_created', 'actor'], refused: ['authn_login_fail', 'target'] },
  sign_in: { accepted: ['authn_login_success', 'actor'], refused: ['authn_login_fail', 'target'] },
  person_registered: { accepted: ['user_created', 'actor,target'] },
  session_ended: { accepted: ['session_expired', 'actor,target'] },
  agent_token_made: { accepted: ['authn_token_created', 'target'] },
  token_revoked: { accepted: ['authn_token_revoked', 'target'] },
  client_changed: { accepted: ['user_updated', 'actor,target'] },
  client_key_made: { accepted: ['user_updated', 'actor,target'] },
  client_key_removed: { accepted: ['user_updated', 'actor,target'] },
  client_removed: { accepted: ['user_deleted', 'actor,target'] },
  restriction_changed: { accepted: ['authz_change', 'actor,target'] },
  secret_changed: { accepted: ['sensitive_update', 'actor,target'] },
  secret_removed: { accepted: ['sensitive_delete', 'actor,target'] },
};

/** Every other refusal, such as that of a token, a role, a push or an agent. */
const refusal: Row = ['authz_fail', 'actor,target'];

/** Returns the name of a security event in the OWASP Logging Vocabulary; `undefined` if that has none. */
export function findOwaspName(event: NamedEvent): string | undefined {
  const name = findRow(event)?.[0];
  return event.event === 'client_changed' && event.created === true ? 'user_created' : name;
}

function findRow({ event, outcome }: NamedEvent): Row | undefined {
  return rows[event]?.[outcome] ?? (outcome === 'refused' ? refusal : undefined);
}

/**
 * Returns the name of a security event with its ids, as in `authn_login_success:ID` or `authz_fail:ID,RESOURCE`, so that
 * rules written for a Testflinger server find it. An unknown id is `unknown`.
 */
export function presentOwaspEvent(event: NamedEvent): string | undefined {
  const row = findRow(event);
  if (row === undefined) return undefined;
  const [, ids] = row;
  const name = findOwaspName(event);
  const actor = presentId(event.actor);
  if (ids === 'actor') return `${name}:${actor}`;
  // The target of a request that names nobody is its route, which is not an id.
  if (ids === 'target') return `${name}:${presentId(isRoute(event.target) ? undefined : event.target)}`;
  return `${name}:${actor},${presentId(event.target)}`;
}

function isRoute(target: string | undefined): boolean {
  return /^[A-Z]+ \//.test(target ?? '');
}

const separator = /[\s,]/;

/** Returns an id in which nothing separates ids: blanks and commas become underscores. */
function presentId(id = 'unknown'): string {
  return separator.test(id) ? id.split(separator).join('_') : id;
}

import type { AccountClaims } from 'oidc-provider';

/** A person at the provider. Absent claims are absent from its answers. */
export interface Person {
  /** GitLab's user id: digits. */
  sub: string;
  name?: string;
  nickname?: string;
  preferred_username?: string;
  email?: string;
  email_verified?: boolean;
}

/** The claims that each scope grants, as at GitLab. `read_api` opens the API and grants no claim. */
export const claimsOfScopes: Record<string, string[]> = {
  openid: ['sub'],
  profile: ['name', 'nickname', 'preferred_username'],
  email: ['email', 'email_verified'],
  read_api: [],
};

/** The person who signs in unless a test names another. */
export const somePerson: Readonly<Person> = {
  sub: '1701',
  name: 'Ada Lovelace',
  nickname: 'ada',
  preferred_username: 'ada',
  email: 'ada@example.com',
  email_verified: true,
};

/** The people whom a provider knows. Claims always come from the last person set with that `sub`. */
export class Directory {
  /** Makes the next sign-in fail with `access_denied`, as if the person refused. */
  refuses = false;
  readonly #known = new Map<string, Person>();
  #current: Person;

  constructor(person: Person) {
    this.#current = person;
    this.current = person;
  }

  /** The person who signs in next. */
  get current(): Person {
    return this.#current;
  }

  set current(person: Person) {
    this.#current = person;
    this.#known.set(person.sub, person);
  }

  find(sub: string): Person | undefined {
    return this.#known.get(sub);
  }

  /** Removes a person: their tokens are refused from now on. */
  remove(sub: string): void {
    this.#known.delete(sub);
  }

  /** Returns what the provider's answers contain of a person. */
  claims(sub: string): AccountClaims {
    return { ...this.#known.get(sub), sub };
  }
}

import { fileURLToPath } from 'node:url';

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const node = (name: string): string[] => [process.execPath, '--import=tsx', pathOf(name)];
const python = (name: string): string[] => [pathOf('.venv/bin/python'), pathOf(name)];

/** A library, and the program that logs in with it. */
export interface Library {
  name: string;
  command: readonly string[];
  /** What the security log must contain after a run: the names of accepted events, and how often at least. */
  accepted: Readonly<Record<string, number>>;
  /** The secrets that the library's default options cannot send. */
  exceptions?: Partial<Record<SecretName, LibraryException>>;
}

/** A secret that a library cannot send by default. If it can, the run fails, so that this entry gets removed. */
export interface LibraryException {
  reason: string;
  /** A part of the error that the library itself reports. */
  error: string;
  /** The argument with which the program must succeed; absent if the library cannot send the secret at all. */
  argument?: string;
}

/** The secrets that every library must send. `undefined`: the key that the server makes. */
export const secrets = {
  'a server-made key': undefined,
  '-_+/=': 'Qm-_+/Base64=-_+/==',
  '&% ~': 'a&b% ~c &d=%41 %zz~',
  'ü é': 'grüße aus dem café',
  日本: '日本 und ü und %E6+',
} as const;

/** The name of a secret. */
export type SecretName = keyof typeof secrets;

const latin1Only: LibraryException = {
  reason: 'it sends HTTP Basic in ISO 8859-1; the secret was sent in the form',
  error: "'latin-1' codec can't encode",
  argument: '--form',
};

const asciiOnly: LibraryException = {
  reason: 'it refuses secrets with characters outside ASCII',
  error: 'fails to match the required pattern',
};

const loginAndRefresh = { login: 1, refresh: 1 };

/** The libraries, each with its default options. */
export const libraries: readonly Library[] = [
  { name: 'openid-client', command: node('with-openid-client.ts'), accepted: loginAndRefresh },
  // Each way to send the secret is tried.
  { name: 'oauth4webapi', command: node('with-oauth4webapi.ts'), accepted: { login: 2, refresh: 2 } },
  {
    name: 'simple-oauth2',
    command: node('with-simple-oauth2.ts'),
    accepted: loginAndRefresh,
    exceptions: { 'ü é': asciiOnly, 日本: asciiOnly },
  },
  {
    name: 'Authlib',
    command: python('with_authlib.py'),
    accepted: loginAndRefresh,
    exceptions: { 日本: latin1Only },
  },
  {
    name: 'requests-oauthlib',
    command: python('with_requests_oauthlib.py'),
    accepted: loginAndRefresh,
    exceptions: { 日本: latin1Only },
  },
  // It uses no refresh tokens, by design: it logs in again when its token has expired.
  { name: 'clientcredentials', command: [pathOf('.venv/go-client')], accepted: { login: 3 } },
];

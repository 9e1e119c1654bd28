import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gitlabApi } from './oidc/gitlab-api.js';
import { signInPage } from './oidc/interaction.js';
import { Directory, type Person, somePerson } from './oidc/person.js';
import { makeProvider } from './oidc/provider.js';
import { Records } from './oidc/records.js';
import { makeSigningKeys, type SigningAlg } from './oidc/signing.js';
import { Spoiler } from './oidc/spoiling-issuer.js';
import type { Owner } from './server-process.js';

/** Options of a provider. */
export interface IssuerOptions {
  /** The person who signs in first. */
  person?: Person;
  /** The URLs to which the provider sends browsers back. `Issuer.addRedirectUri` adds more. */
  redirectUris?: string[];
  /** Whether ID tokens contain name and e-mail too. Otherwise only userinfo does. The default is true, as at GitLab. */
  claimsInIdToken?: boolean;
  /** How long access tokens are valid. The default is 7200 s, as at GitLab. */
  accessTokenSeconds?: number;
  idTokenSeconds?: number;
  deviceCodeSeconds?: number;
  idTokenAlg?: SigningAlg;
}

/** A real OpenID Connect provider (node-oidc-provider) with GitLab's paths and claims, on a port of 127.0.0.1. */
export interface Issuer {
  /** Its origin, which is also its issuer identifier. */
  url: string;
  /** The person who signs in next. */
  person: Person;
  people: Directory;
  requests: Records['requests'];
  issued: Records['issued'];
  records: Records;
  /** The secret of the confidential client `lab`. The public client is `lab-public`. */
  clientSecret: string;
  /** The settings with which a Queuepass server uses this provider, as the confidential client. */
  settings: Record<string, string>;
  publicSettings: Record<string, string>;
  /** Spoils the provider's answers. */
  spoil: Spoiler;
  /** Lets the provider send browsers to a URL after a sign-in, and after a sign-out. */
  addRedirectUri(url: string): void;
  /** Closes the port until `start`: connections are refused. */
  stop(): Promise<void>;
  /** Opens the same port again. */
  start(): Promise<void>;
}

/** Starts a provider that stops when the test ends. */
export async function startIssuer(t: Owner, options: IssuerOptions = {}): Promise<Issuer> {
  let handle: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => handle(request, response));
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  await listen(0);
  t.teardown(stop);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const redirectUris = new Set(options.redirectUris);
  const people = new Directory(options.person ?? { ...somePerson });
  const records = new Records();
  // Characters that HTTP Basic authentication must encode (RFC 6749, section 2.3.1).
  const clientSecret = `${randomBytes(32).toString('base64')}+/:% &`;
  const keys = makeSigningKeys();
  const spoil = new Spoiler(keys, clientSecret);
  const provider = makeProvider({
    url,
    people,
    clientSecret,
    keys,
    idTokenAlg: options.idTokenAlg ?? 'RS256',
    claimsInIdToken: options.claimsInIdToken ?? true,
    accessTokenSeconds: options.accessTokenSeconds ?? 7200,
    idTokenSeconds: options.idTokenSeconds ?? 120,
    deviceCodeSeconds: options.deviceCodeSeconds ?? 300,
    isRedirectAllowed: (target) => redirectUris.has(target),
  });
  const findProvider = () => provider;
  provider.use(records.middleware);
  provider.use(spoil.middleware);
  provider.use(gitlabApi(findProvider, people));
  provider.use(signInPage(findProvider, people));
  provider.use(records.innerMiddleware);
  const callback = provider.callback();
  handle = (request, response) => void callback(request, response);
  const publicSettings = { OIDC_PROVIDER_ISSUER: url, OIDC_CLIENT_ID: 'lab-public' };
  return {
    url,
    people,
    records,
    requests: records.requests,
    issued: records.issued,
    clientSecret,
    spoil,
    settings: { ...publicSettings, OIDC_CLIENT_ID: 'lab', OIDC_CLIENT_SECRET: clientSecret },
    publicSettings,
    get person() {
      return people.current;
    },
    set person(person) {
      people.current = person;
    },
    addRedirectUri: (target) => void redirectUris.add(target),
    stop,
    start: () => listen(port),
  };
}

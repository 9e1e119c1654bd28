import Provider, {
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  type JWKS,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { endpointPaths } from './endpoints.js';
import { memoryAdapter } from './memory-adapter.js';
import { claimsOfScopes, type Directory } from './person.js';
import { presentJwks, type SigningAlg, type SigningKeys } from './signing.js';

/** What a provider is made of. */
export interface ProviderParts {
  url: string;
  keys: SigningKeys;
  people: Directory;
  clientSecret: string;
  idTokenAlg: SigningAlg;
  claimsInIdToken: boolean;
  accessTokenSeconds: number;
  deviceCodeSeconds: number;
  idTokenSeconds: number;
  /** Decides whether a client may be sent to a URL, after a sign-in or a sign-out. */
  isRedirectAllowed: (url: string) => boolean;
}

/** Makes a node-oidc-provider that signs in the current person without a question, and asks for no consent. */
export function makeProvider(parts: ProviderParts): Provider {
  const provider = new Provider(parts.url, configure(parts));
  provider.Client.prototype.redirectUriAllowed = parts.isRedirectAllowed;
  provider.Client.prototype.postLogoutRedirectUriAllowed = parts.isRedirectAllowed;
  return provider;
}

function configure(parts: ProviderParts): Configuration {
  const { people, keys } = parts;
  return {
    adapter: memoryAdapter(),
    clients: [
      client(parts, { client_id: 'lab', client_secret: parts.clientSecret }),
      client(parts, { client_id: 'lab-public', token_endpoint_auth_method: 'none' }),
    ],
    jwks: presentJwks(keys, 'private') as JWKS,
    routes: endpointPaths,
    scopes: ['openid', 'profile', 'email', 'read_api'],
    claims: claimsOfScopes,
    responseTypes: ['code'],
    conformIdTokenClaims: !parts.claimsInIdToken,
    cookies: { keys: ['a key for the cookies of a test'] },
    // Otherwise expired tokens of a test would be accepted for 15 s more.
    clockTolerance: 0,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    loadExistingGrant: grantAll,
    findAccount: (_ctx, sub) =>
      people.find(sub) && { accountId: sub, claims: async () => people.claims(sub) },
    interactions: {
      policy: policyFor(people),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    ttl: {
      AccessToken: parts.accessTokenSeconds,
      IdToken: parts.idTokenSeconds,
      DeviceCode: parts.deviceCodeSeconds,
      AuthorizationCode: 60,
      RefreshToken: 86_400,
      Session: 86_400,
      Grant: 86_400,
      Interaction: 600,
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _out, error) =>
          page(ctx, `Enter the code ${error?.message ?? ''}`, form),
        userCodeConfirmSource: (ctx, form) => page(ctx, 'Confirm the code', form),
        successSource: (ctx) => page(ctx, 'The device is signed in'),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => page(ctx, 'Sign out?', form),
        postLogoutSuccessSource: (ctx) => page(ctx, 'Signed out'),
      },
    },
    renderError: (ctx, out) => page(ctx, `${out.error}: ${out.error_description ?? ''}`),
  };
}

function client({ idTokenAlg }: ProviderParts, own: ClientMetadata): ClientMetadata {
  return {
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    // Needed by the schema only: `isRedirectAllowed` decides.
    redirect_uris: ['http://127.0.0.1/auth/callback'],
    id_token_signed_response_alg: idTokenAlg,
    ...own,
  };
}

/** Grants all requested scopes, so that the provider never asks for consent. */
async function grantAll({ oidc }: KoaContextWithOIDC) {
  const grant = new oidc.provider.Grant({
    accountId: oidc.session?.accountId ?? '',
    clientId: oidc.client?.clientId ?? '',
  });
  grant.addOIDCScope(String(oidc.params?.scope ?? 'openid'));
  await grant.save();
  return grant;
}

/** Asks for a sign-in also when the test has chosen another person than the one of the provider's session. */
function policyFor(people: Directory): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const isOther = ({ oidc }: KoaContextWithOIDC) =>
    people.refuses || oidc.session?.accountId !== people.current.sub;
  policy
    .get('login')
    ?.checks.add(new interactionPolicy.Check('other_person', 'Another person signs in', isOther));
  return policy;
}

function page(ctx: KoaContextWithOIDC, title: string, form = ''): void {
  ctx.type = 'html';
  ctx.body = `<!doctype html><title>${title.replaceAll('<', '&lt;')}</title>${form}`;
}

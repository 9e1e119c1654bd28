import { optional, type SettingProblem, secret, setting, type ValuesOf } from '../config/setting-row.js';
import { asHost, asOneOf, asText, type SettingReader } from '../config/setting-types.js';

/** Reads texts that are separated by commas. */
const asTexts: SettingReader<string[]> = (text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Reads domains that are separated by commas, in lower case. */
const asDomains: SettingReader<string[]> = (text) =>
  asTexts(text).map((domain) => asHost(domain).toLowerCase());

/** Reads absolute paths that are separated by commas; a slash at their end makes no difference. */
const asPaths: SettingReader<string[]> = (text) =>
  asTexts(text).map((path) => {
    if (!/^(\/[A-Za-z0-9._~-]+)+\/?$/.test(path) || path.includes('..'))
      throw new Error('must be paths such as /api/v4, separated by commas');
    return path.replace(/\/$/, '');
  });

const rows = {
  oidcClientSecret: secret(
    'OIDC_CLIENT_SECRET',
    asText,
    'Secret of the client at the OIDC provider; without it the client is public.',
  ),
  oidcScopes: setting(
    'OIDC_SCOPES',
    asText,
    'openid profile email',
    "Scopes that a sign-in asks for. GitLab's API needs `read_api` too.",
  ),
  oidcRedirectPath: setting(
    'OIDC_REDIRECT_PATH',
    asOneOf('/auth/callback', '/auth'),
    '/auth/callback',
    'Path of the redirect URI, which is this path after `PUBLIC_URL`; register it at the provider.',
  ),
  oidcApiPaths: setting(
    'OIDC_API_PATHS',
    asPaths,
    '',
    "Paths of the provider's own API, separated by commas, that people can read through `/auth/api/`, such as `/api/v4`.",
  ),
  oidcEmailDomains: optional(
    'OIDC_EMAIL_DOMAINS',
    asDomains,
    'Domains of the e-mail addresses that can sign in, separated by commas; all by default.',
  ),
  oidcLogout: setting(
    'OIDC_LOGOUT',
    asOneOf('local', 'provider'),
    'local',
    "What signing out ends: the session here, or after it also the provider's.",
  ),
};

/** The settings of people who sign in at an OIDC provider. */
export type PeopleSettings = ValuesOf<typeof rows>;

/** The rows and checks of these settings. */
export const peopleSettings = {
  rows,
  listProblems: ({ oidcScopes }: PeopleSettings): SettingProblem[] =>
    oidcScopes.split(/\s+/).includes('openid') ? [] : [['OIDC_SCOPES', 'must have the scope openid']],
};

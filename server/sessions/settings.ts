import { type SettingProblem, secret, setting, type ValuesOf } from '../config/setting-row.js';
import { asBoolean, asInteger, asOneOf, asText } from '../config/setting-types.js';

const rows = {
  webSecretKeyPrevious: secret(
    'WEB_SECRET_KEY_PREVIOUS',
    asText,
    'Another key that opens what it sealed: the earlier `WEB_SECRET_KEY`, or the next one, for changing the key without signing anybody out.',
  ),
  sessionIdleMinutes: setting(
    'SESSION_IDLE_MINUTES',
    asInteger(0, 10_080),
    '120',
    'Minutes without a request after which a session ends; 0 for no such limit.',
  ),
  sessionHours: setting('SESSION_HOURS', asInteger(1, 720), '12', 'Maximum hours of a session.'),
  localSignIn: setting(
    'LOCAL_SIGN_IN',
    asOneOf('auto', 'on', 'off'),
    'auto',
    'Whether people can sign in with a client id and a client key; `auto` means only while OIDC is off.',
  ),
  insecureCookies: setting(
    'INSECURE_COOKIES',
    asBoolean,
    'false',
    'Whether people can sign in over plain http from other machines. Anybody on the network between can then take over their sessions.',
  ),
};

/** The settings of sessions. */
export type SessionSettings = ValuesOf<typeof rows>;

type Read = SessionSettings & { oidc: boolean; webSecretKey: string | undefined };

/** The rows, checks and warnings of these settings. */
export const sessionSettings = {
  rows,
  listProblems({ webSecretKey, webSecretKeyPrevious }: Read): SettingProblem[] {
    if (webSecretKeyPrevious === undefined || webSecretKey !== undefined) return [];
    return [['WEB_SECRET_KEY', 'is missing: WEB_SECRET_KEY_PREVIOUS only opens what an earlier key sealed']];
  },
  listWarnings({ insecureCookies }: Read): string[] {
    if (!insecureCookies) return [];
    return [
      'INSECURE_COOKIES=true: over plain http, anybody on the network between can take over the sessions of people',
    ];
  },
};

/** Returns whether people can sign in with a client id and a client key. */
export function allowsLocalSignIn({ localSignIn, oidc }: Pick<Read, 'localSignIn' | 'oidc'>): boolean {
  return localSignIn === 'auto' ? !oidc : localSignIn === 'on';
}

/** Returns whether people can sign in at all, so that there can be sessions. */
export function allowsSessions(config: Pick<Read, 'localSignIn' | 'oidc'>): boolean {
  return config.oidc || allowsLocalSignIn(config);
}

/** Returns the path, without the base path, at which people sign in; `undefined` if nobody can. */
export function findSignInPath(config: Pick<Read, 'localSignIn' | 'oidc'>): string | undefined {
  if (config.oidc) return '/auth/login';
  return allowsLocalSignIn(config) ? '/auth/local' : undefined;
}

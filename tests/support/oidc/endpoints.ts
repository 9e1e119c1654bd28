/** The paths of the provider's endpoints, named as GitLab's. The keys are oidc-provider's names. */
export const endpointPaths = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  userinfo: '/oauth/userinfo',
  jwks: '/oauth/discovery/keys',
  revocation: '/oauth/revoke',
  device_authorization: '/oauth/authorize_device',
  code_verification: '/oauth/device',
  end_session: '/oauth/logout',
} as const;

/** An endpoint whose answers a test can count or replace. */
export type Endpoint = keyof typeof endpointPaths | 'discovery';

const byPath = new Map<string, Endpoint>([['/.well-known/openid-configuration', 'discovery']]);
for (const [name, path] of Object.entries(endpointPaths)) byPath.set(path, name as Endpoint);

/** Returns the endpoint at a path, or undefined. */
export function findEndpoint(path: string): Endpoint | undefined {
  return byPath.get(path);
}

import * as oauth from 'oauth4webapi';
import { checkStatus, job, readLogin } from './login.js';

/* Gets a token with oauth4webapi, submits a job, refreshes the token and submits another job. */
const { server, clientId, secret } = readLogin();
const issuer: oauth.AuthorizationServer = { issuer: server, token_endpoint: `${server}/v1/oauth2/token` };
const client: oauth.Client = { client_id: clientId };

async function submit(token: string): Promise<void> {
  const headers = new Headers({ 'content-type': 'application/json' });
  const url = new URL(`${server}/v1/job`);
  const response = await oauth.protectedResourceRequest(token, 'POST', url, headers, JSON.stringify(job));
  checkStatus(response.status);
}

/** The library has no default for sending the secret: its two ways with a secret are both tried. */
for (const authentication of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
  const granted = await oauth.clientCredentialsGrantRequest(issuer, client, authentication, {});
  const token = await oauth.processClientCredentialsResponse(issuer, client, granted);
  await submit(token.access_token);
  const { refresh_token: refreshToken = '' } = token;
  const again = await oauth.refreshTokenGrantRequest(issuer, client, authentication, refreshToken);
  const refreshed = await oauth.processRefreshTokenResponse(issuer, client, again);
  await submit(refreshed.access_token);
}

import {
  Configuration,
  clientCredentialsGrant,
  fetchProtectedResource,
  refreshTokenGrant,
} from 'openid-client';
import { checkStatus, job, readLogin } from './login.js';

/* Gets a token with openid-client, submits a job, refreshes the token and submits another job. */
const { server, clientId, secret } = readLogin();
const metadata = { issuer: server, token_endpoint: `${server}/v1/oauth2/token` };
const config = new Configuration(metadata, clientId, secret);

async function submit(token: string): Promise<void> {
  const headers = new Headers({ 'content-type': 'application/json' });
  const url = new URL(`${server}/v1/job`);
  const response = await fetchProtectedResource(config, token, url, 'POST', JSON.stringify(job), headers);
  checkStatus(response.status);
}

const token = await clientCredentialsGrant(config);
await submit(token.access_token);
const refreshed = await refreshTokenGrant(config, token.refresh_token ?? '');
await submit(refreshed.access_token);

import { ClientCredentials } from 'simple-oauth2';
import { checkStatus, job, readLogin } from './login.js';

/* Gets a token with simple-oauth2, submits a job, refreshes the token and submits another job. */
const { server, clientId, secret } = readLogin();
const client = new ClientCredentials({
  client: { id: clientId, secret },
  auth: { tokenHost: server, tokenPath: '/v1/oauth2/token' },
});

async function submit(token: unknown): Promise<void> {
  const headers = { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' };
  const response = await fetch(`${server}/v1/job`, { method: 'POST', headers, body: JSON.stringify(job) });
  checkStatus(response.status);
}

const token = await client.getToken({});
await submit(token.token.access_token);
const refreshed = await token.refresh();
await submit(refreshed.token.access_token);

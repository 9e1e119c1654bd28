import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, UsageError } from './cli-error.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { presentCredentials } from './key-commands.js';
import { print, printJson } from './print.js';
import { printTable } from './print-table.js';
import { readClaims } from './read-claims.js';

/** Adds `token` to the program. */
export function addTokenCommand(program: Command): void {
  const token = program
    .command('token')
    .description(
      'print an access token of the client, valid for ten minutes, for `Authorization: Bearer $(queuepass token)`',
    )
    .action(printToken);
  token
    .command('list <id>')
    .description('list the refresh tokens of a client, without the tokens themselves')
    .action(listTokens);
  token
    .command('revoke <id> [token-id]')
    .description(
      'revoke a refresh token of a client, by its id in the list; access tokens made with it expire by themselves',
    )
    .option('--all', 'revoke all of them')
    .action(revokeTokens);
}

async function listTokens(id: string, _options: GlobalOptions, command: Command): Promise<void> {
  const tokens = await findTokens(new ApiClient(findConnection(command)), id);
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(tokens);
  const rows = tokens.map((token) => [
    token.token_id,
    token.key_id,
    token.issued_at,
    token.expires_at,
    token.last_used_at,
  ]);
  printTable(['TOKEN', 'KEY', 'ISSUED', 'EXPIRES', 'LAST USED'], rows);
}

async function revokeTokens(
  id: string,
  tokenId: string | undefined,
  { all = false }: { all?: boolean },
  command: Command,
): Promise<void> {
  if (all === (tokenId !== undefined))
    throw new UsageError('name one token, or give --all; see: queuepass token revoke --help');
  const api = new ApiClient(findConnection(command));
  const ids = tokenId === undefined ? (await findTokens(api, id)).map((token) => token.token_id) : [tokenId];
  for (const one of ids) {
    const path = pathOf`/v1/client-permissions/${id}/refresh-tokens/${one}`;
    await api
      .send('DELETE', path, presentCredentials(api, id))
      .catch(adviseOn(404, `(queuepass token list ${id})`));
  }
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ revoked: ids });
  print(`Revoked ${ids.length} refresh token${ids.length === 1 ? '' : 's'} of ${id}`);
}

interface ShownToken {
  token_id: string;
  key_id: string | null;
  issued_at: string | null;
  expires_at: string | null;
  last_used_at: string | null;
}

function findTokens(api: ApiClient, id: string): Promise<ShownToken[]> {
  const path = pathOf`/v1/client-permissions/${id}/refresh-tokens`;
  return api
    .getList<ShownToken>(path, presentCredentials(api, id))
    .catch(adviseOn(404, '(queuepass client list)'));
}

async function printToken(options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const token = await api.getAccessToken();
  if (!command.optsWithGlobals<GlobalOptions>().json) return print(token);
  const { exp, iat } = readClaims(token);
  printJson({
    client_id: api.connection.credentials.clientId,
    access_token: token,
    token_type: 'Bearer',
    expires_in: exp - iat,
    expires_at: new Date(exp * 1000).toISOString(),
  });
}

import type { Command } from 'commander';
import { ApiClient } from './api-client.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson } from './print.js';

/** Adds `token` to the program. */
export function addTokenCommand(program: Command): void {
  program
    .command('token')
    .description(
      'print an access token of the client, valid for ten minutes, for `Authorization: Bearer $(queuepass token)`',
    )
    .action(printToken);
}

async function printToken(options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const pass = await api.getPass();
  if (!command.optsWithGlobals<GlobalOptions>().json) return print(pass);
  const { exp, iat } = readClaims(pass);
  printJson({
    client_id: api.connection.credentials.clientId,
    access_token: pass,
    token_type: 'Bearer',
    expires_in: exp - iat,
    expires_at: new Date(exp * 1000).toISOString(),
  });
}

function readClaims(pass: string): { exp: number; iat: number } {
  const payload = Buffer.from(pass.split('.')[1] ?? '', 'base64url').toString();
  return JSON.parse(payload) as { exp: number; iat: number };
}

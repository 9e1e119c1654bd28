import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { CliError } from './cli-error.js';
import { findClient } from './find-client.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson, printToStderr } from './print.js';
import { findRefreshToken, openTokenFile } from './token-file.js';

/** Adds `add` to the `agent` command. */
export function addAgentCommands(agent: Command): void {
  agent
    .command('add <name>')
    .description('create a client with the role agent, and a token file that the stock agent reads')
    .requiredOption('--out <file>', 'the token file; only its owner can read it')
    .option('--force', 'replace the file if it exists, and revoke the token in it')
    .action(addAgent);
}

async function addAgent(
  name: string,
  { out, force = false }: { out: string; force?: boolean },
  command: Command,
): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const earlier = force ? findRefreshToken(out) : undefined;
  const file = openTokenFile(out, force);
  try {
    await ensureAgentClient(api, name);
    const path = pathOf`/v1/client-permissions/${name}/agent-token`;
    const { refresh_token: token } = await api.getFields(['refresh_token'], 'POST', path, { body: {} });
    file.finish(`${JSON.stringify({ refresh_token: token })}\n`);
  } catch (error) {
    file.abandon();
    throw error;
  }
  if (earlier !== undefined) await revoke(api, earlier);
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ client_id: name, token_file: out });
  print(`The token of the agent ${name} is in ${out}; it does not expire`);
  printToStderr(
    `Next: move the file to the agent's host, let only the agent read it, and name it in the agent's configuration`,
  );
}

/**
 * Creates the agent's client if it does not exist. The client has no key, only the token file.
 * @throws CliError if the client exists with another role
 */
async function ensureAgentClient(api: ApiClient, name: string): Promise<void> {
  const found = await findClient(api, name);
  if (found !== undefined && found.role !== 'agent') {
    throw new CliError(
      `the client ${name} has the role ${found.role}: choose another name, or change its role with \`queuepass client set ${name} --role agent\``,
    );
  }
  if (found !== undefined) return;
  const path = pathOf`/v1/client-permissions/${name}`;
  // The server creates every client with a key. Nobody has seen this one, so remove it.
  const made = await api.getFields(['key_id'], 'PUT', `${path}?generate_key=true`, {
    body: { role: 'agent' },
  });
  await api.send('DELETE', pathOf`/v1/client-permissions/${name}/keys/${String(made.key_id)}`);
}

/** Revokes the token that was in the file, because it would never expire. Prints a failure, but does not throw. */
async function revoke(api: ApiClient, token: string): Promise<void> {
  try {
    await api.send('POST', '/v1/oauth2/revoke', { body: { refresh_token: token } });
  } catch (error) {
    printToStderr(`Could not revoke the earlier token of the file: ${(error as Error).message}`);
  }
}

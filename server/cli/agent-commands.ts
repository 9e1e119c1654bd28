import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { CliError } from './cli-error.js';
import { findClient } from './find-client.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson, tell } from './print.js';
import { findRefreshToken, openTokenFile } from './token-file.js';

/** Adds `add` to the `agent` command. */
export function addAgentCommands(agent: Command): void {
  agent
    .command('add <name>')
    .description('make a client of the role agent, and the token file that the stock agent reads')
    .requiredOption('--out <file>', 'the file, made for its owner only')
    .option('--force', 'replace the file if it is there, and revoke the token in it')
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
  tell(
    `Next: move that file to the agent's host, readable by the agent alone, and name it in its configuration`,
  );
}

/** Makes the client when it is not there, without a key: its token file is all that it has. */
async function ensureAgentClient(api: ApiClient, name: string): Promise<void> {
  const found = await findClient(api, name);
  if (found !== undefined && found.role !== 'agent') {
    throw new CliError(
      `the client ${name} has the role ${found.role}: choose another name, or \`queuepass client set ${name} --role agent\``,
    );
  }
  if (found !== undefined) return;
  const path = pathOf`/v1/client-permissions/${name}`;
  // A new client comes with a key; nobody has seen this one, and it goes at once.
  const made = await api.getFields(['key_id'], 'PUT', `${path}?generate_key=true`, {
    body: { role: 'agent' },
  });
  await api.send('DELETE', pathOf`/v1/client-permissions/${name}/keys/${String(made.key_id)}`);
}

/** The file's earlier token would be good for ever. */
async function revoke(api: ApiClient, token: string): Promise<void> {
  try {
    await api.send('POST', '/v1/oauth2/revoke', { body: { refresh_token: token } });
  } catch (error) {
    tell(`The earlier token of the file is not revoked: ${(error as Error).message}`);
  }
}

import { commonErrors } from '../errors/common-errors.js';
import { ApiError } from '../errors/api-error.js';
import { isJsonMap } from '../schema/set-own.js';
import { inTurns } from './in-turns.js';
import type { SecretPlace, SecretsStore, SecretTaker, StoredSecret } from './secrets-store.js';
import type { VaultAnswer, VaultClient } from './vault-client.js';

/** Where the KV engine of version 2 is mounted: Vault's own default, which hvac, the peer's library, has as well. */
const mount = 'secret';

/** A version of a secret as read from Vault. */
interface VaultVersion {
  version: number;
  value: string;
  ephemeral: boolean;
  expiresAt: Date | undefined;
  /** The job that an ephemeral one is given to. */
  takenBy: string | undefined;
}

/**
 * Secrets in HashiCorp Vault (KV version 2) under `secret/<client id>/<path>`, the text in the field `value`. Beside it
 * stand `expires_at`, `ephemeral` and `taken_by`, which Vault does not know. Needs on `secret/data/*` create, read and update, on
 * `secret/metadata/*` create, update and delete, on `secret/destroy/*` update.
 */
export class VaultSecretsStore implements SecretsStore {
  #checked = false;

  constructor(private readonly vault: VaultClient) {}

  async prepare(): Promise<void> {
    if (!this.#checked) await this.vault.checkToken();
    this.#checked = true;
  }

  async put(place: SecretPlace, { value, ephemeral, expiresAt }: StoredSecret, now: Date): Promise<void> {
    const seconds = expiresAt ? Math.ceil((expiresAt.getTime() - now.getTime()) / 1000) : 0;
    // Before the value, since it counts for versions written after it; one version only, so that no old value stays.
    await this.#write('metadata', place, { max_versions: 1, delete_version_after: `${seconds}s` });
    await this.#write('data', place, {
      data: presentData({ value, ephemeral, expiresAt, takenBy: undefined }),
    });
  }

  async remove(place: SecretPlace): Promise<void> {
    const answer = await this.vault.send('DELETE', pathOf('metadata', place));
    if (answer.status !== 404) checkDone(answer, 'DELETE metadata');
  }

  async findReadable(clientId: string, paths: readonly string[], now: Date): Promise<Set<string>> {
    const readable = new Set<string>();
    await inTurns(paths, async (path) => {
      const found = await this.#find({ clientId, path }, now);
      if (found !== undefined && found.takenBy === undefined) readable.add(path);
    });
    return readable;
  }

  async read(place: SecretPlace, now: Date, { jobId, keep }: SecretTaker): Promise<string | undefined> {
    for (;;) {
      const found = await this.#find(place, now);
      if (found === undefined || !found.ephemeral) return found?.value;
      if (found.takenBy !== undefined && found.takenBy !== jobId) return undefined;
      // Another job has it, or it was replaced: then the new one is read.
      if (!(await this.#replace(place, found.version, presentData({ ...found, takenBy: jobId })))) continue;
      await keep(found.value);
      await this.#replace(place, found.version + 1, {});
      return found.value;
    }
  }

  async close(): Promise<void> {
    await this.vault.close();
  }

  async #find(place: SecretPlace, now: Date): Promise<VaultVersion | undefined> {
    const answer = await this.vault.send('GET', pathOf('data', place));
    // Vault's answer for what was never there, was deleted (then with a body) or has expired.
    if (answer.status === 404) return undefined;
    checkDone(answer, 'GET data');
    const found = readVersion(answer);
    return found?.expiresAt !== undefined && found.expiresAt <= now ? undefined : found;
  }

  /**
   * Writes a version over this one under the condition that it is still the newest, which Vault grants once: whether it
   * was. The old value goes with it, by `max_versions` or, where the peer wrote it, by `destroy`.
   */
  async #replace(place: SecretPlace, version: number, data: object): Promise<boolean> {
    const answer = await this.vault.send('POST', pathOf('data', place), { data, options: { cas: version } });
    if (answer.status === 400) return false;
    checkDone(answer, 'POST data');
    await this.#write('destroy', place, { versions: [version] });
    return true;
  }

  async #write(kind: 'data' | 'metadata' | 'destroy', place: SecretPlace, body: object): Promise<void> {
    checkDone(await this.vault.send('POST', pathOf(kind, place), body), `POST ${kind}`);
  }
}

/** Each client has a folder of its own. @throws ApiError 500 for an id that Vault would take for another folder. */
function pathOf(kind: string, { clientId, path }: SecretPlace): string {
  if (clientId === '' || clientId === '.' || clientId === '..' || clientId.includes('/')) {
    throw new ApiError(commonErrors.internal, {
      cause: new Error('a client id with / cannot have secrets in Vault'),
    });
  }
  return `${mount}/${kind}/${encodeURIComponent(clientId)}/${path}`;
}

/** @throws ApiError 500 that tells the log what Vault answered, never its text. */
function checkDone({ status }: VaultAnswer, deed: string): void {
  if (status === 200 || status === 204) return;
  throw new ApiError(commonErrors.internal, {
    cause: new Error(`Vault answers ${status} to ${deed} in ${mount}/`),
  });
}

function presentData({ value, ephemeral, expiresAt, takenBy }: Omit<VaultVersion, 'version'>): object {
  return {
    value,
    ...(ephemeral && { ephemeral }),
    ...(expiresAt && { expires_at: expiresAt.toISOString() }),
    ...(takenBy !== undefined && { taken_by: takenBy }),
  };
}

function readVersion({ body }: VaultAnswer): VaultVersion | undefined {
  const outer = isJsonMap(body.data) ? body.data : {};
  const data = isJsonMap(outer.data) ? outer.data : {};
  const version = isJsonMap(outer.metadata) ? outer.metadata.version : undefined;
  if (typeof data.value !== 'string' || typeof version !== 'number') return undefined;
  const expiry = typeof data.expires_at === 'string' ? new Date(data.expires_at) : undefined;
  const takenBy = typeof data.taken_by === 'string' ? data.taken_by : undefined;
  return { version, value: data.value, ephemeral: data.ephemeral === true, expiresAt: expiry, takenBy };
}

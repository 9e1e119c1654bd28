import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { isJsonMap } from '../schema/set-own.js';
import { forEachConcurrent } from './for-each-concurrent.js';
import type { SecretConsumer, SecretPlace, SecretsStore, StoredSecret } from './secrets-store.js';
import type { VaultClient, VaultResponse } from './vault-client.js';

/** The mount of the KV version 2 engine: the default of Vault, and of hvac, the library that Testflinger uses. */
const mount = 'secret';

/** A version of a secret as read from Vault. */
interface VaultVersion {
  version: number;
  value: string;
  ephemeral: boolean;
  expiresAt: Date | undefined;
  /** The id of the job that claimed an ephemeral secret. */
  takenBy: string | undefined;
}

/**
 * Stores secrets in HashiCorp Vault (KV version 2) under `secret/<client id>/<path>`. The field `value` holds the text;
 * `expires_at`, `ephemeral` and `taken_by` are fields of our own. The token needs create, read and update on
 * `secret/data/*`; create, update, delete and list on `secret/metadata/*`; and update on `secret/destroy/*`.
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
    // Metadata first, since it applies to versions written later; one version only, so that no old value remains.
    await this.#write('metadata', place, { max_versions: 1, delete_version_after: `${seconds}s` });
    await this.#write('data', place, {
      data: presentData({ value, ephemeral, expiresAt, takenBy: undefined }),
    });
  }

  async remove(place: SecretPlace): Promise<void> {
    const response = await this.vault.send('DELETE', pathOf('metadata', place));
    if (response.status !== 404) checkSucceeded(response, 'DELETE metadata');
  }

  async removeAll(clientId: string): Promise<void> {
    if (isFolderName(clientId)) await this.#removeFolder(`${encodeURIComponent(clientId)}/`);
  }

  async #removeFolder(folder: string): Promise<void> {
    const listed = await this.vault.send('GET', `${mount}/metadata/${folder}?list=true`);
    if (listed.status === 404) return;
    checkSucceeded(listed, 'LIST metadata');
    const names =
      isJsonMap(listed.body.data) && Array.isArray(listed.body.data.keys) ? listed.body.data.keys : [];
    await forEachConcurrent(names as string[], async (name) => {
      const path = folder + encodeURIComponent(name.replace(/\/$/, ''));
      if (name.endsWith('/')) return this.#removeFolder(`${path}/`);
      const removed = await this.vault.send('DELETE', `${mount}/metadata/${path}`);
      if (removed.status !== 404) checkSucceeded(removed, 'DELETE metadata');
    });
  }

  async findReadable(clientId: string, paths: readonly string[], now: Date): Promise<Set<string>> {
    const readable = new Set<string>();
    await forEachConcurrent(paths, async (path) => {
      const found = await this.#find({ clientId, path }, now);
      if (found !== undefined && found.takenBy === undefined) readable.add(path);
    });
    return readable;
  }

  async read(
    place: SecretPlace,
    now: Date,
    { jobId, saveCopy }: SecretConsumer,
  ): Promise<string | undefined> {
    for (;;) {
      const found = await this.#find(place, now);
      if (found === undefined || !found.ephemeral) return found?.value;
      if (found.takenBy !== undefined && found.takenBy !== jobId) return undefined;
      // Another job claimed the secret, or a client replaced it: read it again.
      if (!(await this.#replace(place, found.version, presentData({ ...found, takenBy: jobId })))) continue;
      await saveCopy(found.value);
      await this.#replace(place, found.version + 1, {});
      return found.value;
    }
  }

  async close(): Promise<void> {
    await this.vault.close();
  }

  async #find(place: SecretPlace, now: Date): Promise<VaultVersion | undefined> {
    const response = await this.vault.send('GET', pathOf('data', place));
    // The secret never existed, was deleted (then Vault sends a body) or has expired.
    if (response.status === 404) return undefined;
    checkSucceeded(response, 'GET data');
    const found = readVersion(response);
    return found?.expiresAt !== undefined && found.expiresAt <= now ? undefined : found;
  }

  /**
   * Writes a new version if `version` is still the newest, and returns whether it was. Vault's check-and-set accepts
   * one such write only. The old value is deleted by `max_versions`, or by `destroy` if a Testflinger server wrote it.
   */
  async #replace(place: SecretPlace, version: number, data: object): Promise<boolean> {
    const response = await this.vault.send('POST', pathOf('data', place), {
      data,
      options: { cas: version },
    });
    if (response.status === 400) return false;
    checkSucceeded(response, 'POST data');
    await this.#write('destroy', place, { versions: [version] });
    return true;
  }

  async #write(kind: 'data' | 'metadata' | 'destroy', place: SecretPlace, body: object): Promise<void> {
    checkSucceeded(await this.vault.send('POST', pathOf(kind, place), body), `POST ${kind}`);
  }
}

/**
 * Returns the Vault path of a secret. Each client has its own folder.
 * @throws ApiError 500 for an id that would lead to another folder
 */
function pathOf(kind: string, { clientId, path }: SecretPlace): string {
  if (!isFolderName(clientId)) {
    throw new ApiError(commonErrors.internal, {
      cause: new Error('a client id with / cannot have secrets in Vault'),
    });
  }
  return `${mount}/${kind}/${encodeURIComponent(clientId)}/${path}`;
}

/** Returns whether a client id can name a folder of its own. */
function isFolderName(clientId: string): boolean {
  return clientId !== '' && clientId !== '.' && clientId !== '..' && !clientId.includes('/');
}

/** @throws ApiError 500 whose cause names the status that Vault returned, but never the response's text */
function checkSucceeded({ status }: VaultResponse, action: string): void {
  if (status === 200 || status === 204) return;
  throw new ApiError(commonErrors.internal, {
    cause: new Error(`Vault returned ${status} for ${action} in ${mount}/`),
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

function readVersion({ body }: VaultResponse): VaultVersion | undefined {
  const outer = isJsonMap(body.data) ? body.data : {};
  const data = isJsonMap(outer.data) ? outer.data : {};
  const version = isJsonMap(outer.metadata) ? outer.metadata.version : undefined;
  if (typeof data.value !== 'string' || typeof version !== 'number') return undefined;
  const expiry = typeof data.expires_at === 'string' ? new Date(data.expires_at) : undefined;
  const takenBy = typeof data.taken_by === 'string' ? data.taken_by : undefined;
  return { version, value: data.value, ephemeral: data.ephemeral === true, expiresAt: expiry, takenBy };
}

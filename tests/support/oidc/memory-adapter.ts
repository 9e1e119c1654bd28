import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

/** The records that end with their grant. */
const grantable = /^(AccessToken|AuthorizationCode|RefreshToken|DeviceCode):/;

/**
 * Makes the storage of one provider. oidc-provider's own keeps 1000 records at most, and removes expired ones: then an
 * expired device code would be an unknown one. This one keeps all, and the provider compares their `exp`.
 */
export function memoryAdapter(): AdapterFactory {
  const records = new Map<string, AdapterPayload>();
  return (model): Adapter => {
    const key = (id: string) => `${model}:${id}`;
    const findBy = (field: 'uid' | 'userCode', value: string) =>
      [...records].find(([name, record]) => name.startsWith(key('')) && record[field] === value)?.[1];
    return {
      upsert: async (id, payload) => void records.set(key(id), payload),
      find: async (id) => records.get(key(id)),
      findByUid: async (uid) => findBy('uid', uid),
      findByUserCode: async (userCode) => findBy('userCode', userCode),
      consume: async (id) => {
        const record = records.get(key(id));
        if (record) record.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void records.delete(key(id)),
      revokeByGrantId: async (grantId) => {
        for (const [name, record] of records) {
          if (record.grantId === grantId && grantable.test(name)) records.delete(name);
        }
      },
    };
  };
}

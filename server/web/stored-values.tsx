/** Characters of a stored text that a list shows. */
const maxCharacters = 300;

/** Returns a stored value as a short text: documents of other servers can lack a field, or have another type in it. */
export function presentStored(value: unknown): string {
  const text = typeof value === 'string' ? value : presentOther(value);
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

function presentOther(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (value instanceof Date) return readDate(value) ?? '';
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(
    value,
    (_key, inner) => (typeof inner === 'bigint' ? String(inner) : inner) as unknown,
  );
}

/** A stored time in UTC; anything else as it is stored. */
export function StoredTime({ value }: { value: unknown }) {
  const iso = value instanceof Date ? readDate(value) : undefined;
  if (iso === undefined) return <>{presentStored(value)}</>;
  return <time dateTime={iso}>{iso.replace('T', ' ').replace(/\.\d+Z$/, '')}</time>;
}

/** Returns a time in ISO 8601; `undefined` for one that JavaScript cannot hold, such as a year after 275760. */
function readDate(value: Date): string | undefined {
  return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
}

/**
 * Parses the webhook URL that a client names. Returns `undefined` unless it has the scheme, host and port of the allowed
 * URL. The parsed URL is both checked and used for the request. Texts that other parsers read differently (`user@`,
 * backslashes, control characters, non-ASCII letters) are rejected.
 */
export function readWebhookUrl(named: string, allowed: string): URL | undefined {
  if (!/^https?:\/\/[\x21-\x7e]+$/i.test(named) || named.includes('\\')) return undefined;
  const authority = /^[^:]+:\/\/([^/?#]*)/.exec(named)?.[1] ?? '';
  if (authority.includes('@') || !URL.canParse(named)) return undefined;
  const url = new URL(named);
  const own = new URL(allowed);
  return url.protocol === own.protocol && url.host === own.host ? url : undefined;
}

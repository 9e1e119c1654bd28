/**
 * The URL to send events to, when it may be used: that which a client names must have the scheme, host and port of the
 * operator's. What is checked is the parsed URL that is sent to, and texts that other parsers read differently
 * (`user@`, backslashes, controls, letters beyond ASCII) are refused.
 */
export function readWebhookUrl(named: string, allowed: string): URL | undefined {
  if (!/^https?:\/\/[\x21-\x7e]+$/i.test(named) || named.includes('\\')) return undefined;
  const authority = /^[^:]+:\/\/([^/?#]*)/.exec(named)?.[1] ?? '';
  if (authority.includes('@') || !URL.canParse(named)) return undefined;
  const url = new URL(named);
  const own = new URL(allowed);
  return url.protocol === own.protocol && url.host === own.host ? url : undefined;
}

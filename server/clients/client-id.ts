/** Returns whether a text can be a new client's id. */
export function isClientId(text: string): boolean {
  return /^[^\x00-\x20\x7f:/]{1,128}$/.test(text);
}

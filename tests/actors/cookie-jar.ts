/** The cookies of one client, which it sends back as python-requests does. Knows names, values and `Max-Age=0`. */
export class CookieJar {
  readonly #values = new Map<string, string>();
  #header: string | undefined;

  /** The `Cookie` header of the next request; absent without cookies. */
  get header(): string | undefined {
    return this.#header;
  }

  /** Stores the cookies of a response. */
  read(setCookie: string | readonly string[] | undefined): void {
    if (setCookie === undefined) return;
    for (const line of [setCookie].flat()) {
      const [pair = '', ...attributes] = line.split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      const isRemoved = attributes.some((attribute) => /^\s*max-age=(0|-\d+)\s*$/i.test(attribute));
      if (isRemoved) this.#values.delete(name);
      else this.#values.set(name, pair.slice(equals + 1).trim());
    }
    const pairs = [...this.#values].map(([name, value]) => `${name}=${value}`);
    this.#header = pairs.length === 0 ? undefined : pairs.join('; ');
  }
}

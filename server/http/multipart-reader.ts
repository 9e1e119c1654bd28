import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';

/** Maximum bytes of the lines before the first part, and of the headers of a part. */
const maxHeadBytes = 16 * 1024;

/** Maximum characters of a boundary (RFC 2046 section 5.1.1 allows 70). */
const maxBoundaryLength = 200;

/** Returns the boundary of a multipart/form-data content type, or `undefined`. */
export function readBoundary(contentType: string | undefined): string | undefined {
  const [, quoted, bare] =
    /^multipart\/form-data\s*;.*?\bboundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType ?? '') ?? [];
  const boundary = quoted ?? bare;
  return boundary === undefined || boundary.length > maxBoundaryLength ? undefined : boundary;
}

/** What the headers of a part name. */
export interface Part {
  /** The name of its field. */
  name: string | undefined;
  isFile: boolean;
}

/**
 * Reads a multipart/form-data body (RFC 7578) part by part. Like the Testflinger server, it accepts lines that end with
 * a line feed alone, a file name that is empty, and one with an unescaped quote.
 */
export class MultipartReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #dashes: string;
  #held: Buffer = Buffer.alloc(0);
  #newline = '';
  #isLast = false;
  #wasRead = true;

  constructor(source: AsyncIterable<Buffer>, boundary: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#dashes = `--${boundary}`;
  }

  /**
   * Returns the next part, and skips what is left of the one before; `undefined` after the last one.
   * @throws ApiError 400 for a body that is malformed or ends early, and what the source throws
   */
  async next(): Promise<Part | undefined> {
    if (this.#newline === '') await this.#readPreamble();
    const rest = this.readContent();
    while (!(await rest.next()).done);
    if (this.#isLast) return undefined;
    const part: Part = { name: undefined, isFile: false };
    let length = 0;
    for (let line = await this.#readLine(); line !== ''; line = await this.#readLine()) {
      length += line.length;
      if (length > maxHeadBytes) throw new ApiError(commonErrors.badRequest);
      const [, disposition] = /^content-disposition\s*:\s*form-data\s*(;.*)$/i.exec(line) ?? [];
      if (disposition === undefined) continue;
      const [, quoted, bare] = /;\s*name\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition) ?? [];
      part.name = quoted ?? bare;
      part.isFile = /;\s*filename\*?\s*=/i.test(disposition);
    }
    this.#wasRead = false;
    return part;
  }

  /** Yields the bytes of the current part. @throws as `next` */
  async *readContent(): AsyncGenerator<Buffer> {
    const delimiter = Buffer.from(this.#newline + this.#dashes, 'latin1');
    for (let from = 0; !this.#wasRead; ) {
      const at = this.#held.indexOf(delimiter, from);
      if (at === -1) {
        const complete = this.#held.length - delimiter.length + 1;
        if (complete > 0) yield this.#take(complete);
        from = 0;
        await this.#fill();
        continue;
      }
      const end = at + delimiter.length;
      while (this.#held.length < end + 2) await this.#fill();
      const after = this.#held.toString('latin1', end, end + 2);
      if (after !== '--' && !/^(?:\r\n|[\n \t])/.test(after)) {
        from = at + 1;
        continue;
      }
      const content = this.#take(at);
      this.#take(delimiter.length);
      this.#wasRead = true;
      this.#isLast = after === '--';
      if (!this.#isLast) await this.#readLine();
      if (content.length > 0) yield content;
    }
  }

  /** Reads the rest of the body, which is not part of the form. @throws what the source throws */
  async end(): Promise<void> {
    while (!(await this.#source.next()).done);
  }

  /** Stops reading the source, which may then be read by others. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** The first boundary shows how the lines end. */
  async #readPreamble(): Promise<void> {
    for (let length = 0; ; ) {
      const line = await this.#readLine(true);
      const text = line.replace(/\r$/, '');
      if (text.trimEnd() === this.#dashes) {
        this.#newline = text === line ? '\n' : '\r\n';
        return;
      }
      if (text.trimEnd() === `${this.#dashes}--`) {
        this.#newline = '\n';
        this.#isLast = true;
        return;
      }
      length += line.length + 1;
      if (length > maxHeadBytes) throw new ApiError(commonErrors.badRequest);
    }
  }

  async #readLine(keepsReturn = false): Promise<string> {
    let end = this.#held.indexOf('\n');
    while (end === -1) {
      if (this.#held.length > maxHeadBytes) throw new ApiError(commonErrors.badRequest);
      await this.#fill();
      end = this.#held.indexOf('\n');
    }
    const line = this.#take(end + 1).toString('utf8', 0, end);
    return keepsReturn ? line : line.replace(/\r$/, '');
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async #fill(): Promise<void> {
    const { value, done } = await this.#source.next();
    if (done) throw new ApiError(commonErrors.badRequest);
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }
}

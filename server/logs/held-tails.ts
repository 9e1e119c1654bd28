import { LRUCache } from 'lru-cache';
import type { Binary, WithId } from 'mongodb';
import type { Sealer } from '../crypto/sealer.js';
import type { HeldText } from '../scrubbing/masker.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { maskTokens } from '../scrubbing/token-forms.js';
import type { LogCollections, LogRecord } from './collections.js';
import { packText, unpackText } from './log-fragment.js';

/** Identifies a stored fragment: its job, log, phase, attempt and stored number. */
export type FragmentKey = Pick<LogRecord, 'job_id' | 'log_type' | 'phase' | 'attempt' | 'fragment_number'>;

/** Maximum number of streams for which a process remembers that nothing of the last fragment was held back. */
const maxStreams = 10_000;

/**
 * The ends of log fragments that are held back because they may begin a secret that continues in the next fragment. The
 * insert of a fragment also stores its held text, sealed, in the field `held`. Nothing records that the next fragment
 * has taken the held text over: it has if the next fragment exists.
 */
export class HeldTails {
  readonly #withoutTail = new LRUCache<string, number>({ max: maxStreams });

  constructor(
    private readonly logs: LogCollections['logs'],
    private readonly sealer: Sealer,
  ) {}

  /**
   * Masks a fragment together with the held text of the fragment before it.
   * @returns the fields that store the masked text, and the text that is held back
   */
  async maskFragment(
    key: FragmentKey,
    text: string,
    masker: TextMasker,
  ): Promise<Pick<LogRecord, 'log_data' | 'replaced' | 'held'>> {
    const { text: masked, held } = masker.maskPiece(text, await this.#findCarried(key));
    const stream = nameStream(key);
    if (held === undefined) this.#withoutTail.set(stream, key.fragment_number);
    else this.#withoutTail.delete(stream);
    return {
      ...packText(maskTokens(masked, masker.mark)),
      ...(held && { held: this.sealer.seal(JSON.stringify(held), key.job_id) }),
    };
  }

  /**
   * Appends the held text to each fragment of a job that no next fragment continues, because the phase or the job has
   * ended. Each write checks the held text, so the text is appended once. The record keeps the released text, sealed, so
   * that a fragment that arrives later is masked together with it.
   * @param phases the phases that have ended; all phases by default
   */
  async release(jobId: string, masker: TextMasker, phases?: readonly string[]): Promise<void> {
    const filter = { job_id: jobId, held: { $exists: true }, ...(phases && { phase: { $in: [...phases] } }) };
    for await (const record of this.logs.find(filter)) await this.#releaseOne(record, masker);
  }

  async #releaseOne(record: WithId<LogRecord>, masker: TextMasker): Promise<void> {
    const { _id, held } = record;
    const next = await this.logs.findOne(
      filterKey({ ...record, fragment_number: record.fragment_number + 1 }),
      { projection: { _id: 1 } },
    );
    const tail = next === null ? this.#open(record.job_id, held) : undefined;
    // Without its key the held text cannot be opened and is lost. It is at most a part of a line.
    const text = tail && unpackText(record) + maskTokens(masker.release(tail), masker.mark);
    const released = tail && JSON.stringify({ text: tail.text, covered: tail.text.length });
    await this.logs.updateOne({ _id, held } as object, {
      $unset: { held: true },
      ...(text !== undefined && {
        $set: { ...packText(text), released: this.sealer.seal(released as string, record.job_id) },
      }),
    });
  }

  async #findCarried(key: FragmentKey): Promise<HeldText | undefined> {
    const before = key.fragment_number - 1;
    if (before < 0 || this.#withoutTail.get(nameStream(key)) === before) return undefined;
    const record = await this.logs.findOne(filterKey({ ...key, fragment_number: before }), {
      projection: { held: 1, released: 1 },
    });
    return this.#open(key.job_id, record?.held ?? record?.released);
  }

  #open(jobId: string, held: Binary | undefined): HeldText | undefined {
    const text = held && this.sealer.open(held, jobId);
    return text === undefined ? undefined : (JSON.parse(text) as HeldText);
  }
}

function nameStream({ job_id: id, log_type: type, phase, attempt }: FragmentKey): string {
  return `${id} ${type} ${phase} ${attempt ?? 1}`;
}

function filterKey({ job_id, log_type, phase, attempt, fragment_number }: FragmentKey): object {
  return { job_id, log_type, phase, fragment_number, attempt: attempt ?? { $exists: false } };
}

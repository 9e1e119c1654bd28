import { LRUCache } from 'lru-cache';
import type { Binary, WithId } from 'mongodb';
import type { Sealer } from '../crypto/sealer.js';
import type { LogRecord } from './collections.js';
import type { LogCollections } from './collections.js';
import { packText, unpackText } from './log-fragment.js';
import type { HeldText } from '../scrubbing/masker.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { maskTokens } from '../scrubbing/token-forms.js';

/** Where a piece of a log stands: a job, one of its logs, a phase, an attempt, and the stored number. */
export type PiecePlace = Pick<LogRecord, 'job_id' | 'log_type' | 'phase' | 'attempt' | 'fragment_number'>;

/** Streams of which it is remembered that the last piece left nothing behind. */
const streamsHeld = 10_000;

/**
 * What was held back of pieces of logs, since it may begin a secret that goes on in the next piece. It lies sealed with
 * its piece, in the field `held`, written by the same insert. Whether the next piece has taken it is not noted: that is
 * so when the next piece is there.
 */
export class HeldTails {
  readonly #withoutTail = new LRUCache<string, number>({ max: streamsHeld });

  constructor(
    private readonly logs: LogCollections['logs'],
    private readonly sealer: Sealer,
  ) {}

  /** Masks a piece of a stream with what the piece before it left; gives the fields that hold it. */
  async maskPiece(
    place: PiecePlace,
    text: string,
    masker: TextMasker,
  ): Promise<Pick<LogRecord, 'log_data' | 'replaced' | 'held'>> {
    const { text: masked, held } = masker.maskPiece(text, await this.#findCarried(place));
    const stream = nameStream(place);
    if (held === undefined) this.#withoutTail.set(stream, place.fragment_number);
    else this.#withoutTail.delete(stream);
    return {
      ...packText(maskTokens(masked, masker.mark)),
      ...(held && { held: this.sealer.seal(JSON.stringify(held), place.job_id) }),
    };
  }

  /**
   * Appends to the pieces of a job what was held back of them and no next piece took: their phase, or the job, has
   * ended. Each write is guarded by what it appends, so that it happens once. Should a further piece come all the same,
   * it is known what it goes on with.
   * @param phases those that have ended; all of them when not given
   */
  async release(jobId: string, masker: TextMasker, phases?: readonly string[]): Promise<void> {
    const filter = { job_id: jobId, held: { $exists: true }, ...(phases && { phase: { $in: [...phases] } }) };
    for await (const record of this.logs.find(filter)) await this.#releaseOne(record, masker);
  }

  async #releaseOne(record: WithId<LogRecord>, masker: TextMasker): Promise<void> {
    const { _id, held } = record;
    const next = await this.logs.findOne(
      filterPlace({ ...record, fragment_number: record.fragment_number + 1 }),
      { projection: { _id: 1 } },
    );
    const tail = next === null ? this.#open(record.job_id, held) : undefined;
    // Without its key it is lost; it was never more than a part of a line.
    const text = tail && unpackText(record) + maskTokens(masker.release(tail), masker.mark);
    const given = tail && JSON.stringify({ text: tail.text, covered: tail.text.length });
    await this.logs.updateOne({ _id, held } as object, {
      $unset: { held: true },
      ...(text !== undefined && {
        $set: { ...packText(text), released: this.sealer.seal(given as string, record.job_id) },
      }),
    });
  }

  async #findCarried(place: PiecePlace): Promise<HeldText | undefined> {
    const before = place.fragment_number - 1;
    if (before < 0 || this.#withoutTail.get(nameStream(place)) === before) return undefined;
    const record = await this.logs.findOne(filterPlace({ ...place, fragment_number: before }), {
      projection: { held: 1, released: 1 },
    });
    return this.#open(place.job_id, record?.held ?? record?.released);
  }

  #open(jobId: string, held: Binary | undefined): HeldText | undefined {
    const text = held && this.sealer.open(held, jobId);
    return text === undefined ? undefined : (JSON.parse(text) as HeldText);
  }
}

function nameStream({ job_id: id, log_type: type, phase, attempt }: PiecePlace): string {
  return `${id} ${type} ${phase} ${attempt ?? 1}`;
}

function filterPlace({ job_id, log_type, phase, attempt, fragment_number }: PiecePlace): object {
  return { job_id, log_type, phase, fragment_number, attempt: attempt ?? { $exists: false } };
}

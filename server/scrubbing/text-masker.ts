import type { Held, MaskedPiece } from './masker.js';
import { usualMark } from './choose-mark.js';

/** What masks the texts of a job. */
export interface TextMasker {
  readonly mark: string;
  /** Bytes of memory. */
  readonly bytes: number;
  mask(text: string): string;
  maskPiece(piece: string, carried: Held | undefined): MaskedPiece;
  release(held: Held): string;
}

/** Lets nothing through, for a job whose secrets are not known any more. */
export const withhold: TextMasker = {
  mark: usualMark,
  bytes: 0,
  mask: () => usualMark,
  maskPiece: () => ({ text: `${usualMark}\n`, held: undefined }),
  release: () => '',
};

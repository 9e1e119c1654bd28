import { defaultMark } from './choose-mark.js';
import type { HeldText, MaskedPiece } from './masker.js';

/** Masks the texts of a job; `Masker` describes the methods. */
export interface TextMasker {
  readonly mark: string;
  /** Memory use in bytes. */
  readonly bytes: number;
  mask(text: string): string;
  maskPiece(piece: string, carried: HeldText | undefined): MaskedPiece;
  release(held: HeldText): string;
}

/** Replaces every text as a whole, for a job whose secrets are not known any more. */
export const withholdingMasker: TextMasker = {
  mark: defaultMark,
  bytes: 0,
  mask: () => defaultMark,
  maskPiece: () => ({ text: `${defaultMark}\n`, held: undefined }),
  release: () => '',
};

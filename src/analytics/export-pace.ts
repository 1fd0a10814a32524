import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** Share of the event loop's time in which all exports of a process together may write out text. */
export const EXPORT_SHARE = 0.2;
/** A piece ends after this time, ms, or with so many characters, whichever comes first. */
const PIECE_MS = 2;
const PIECE_LENGTH = 64 * 1024;

/**
 * Paces exports, so that other requests are answered in between, however many exports there are and however fast they are
 * read. One export after the other writes a piece, and each piece is followed by a pause that is in proportion to the time
 * it took.
 */
@Injectable()
export class ExportPace {
  private last: Promise<void> = Promise.resolve();
  /** When the next piece may be written, by `performance.now()`. */
  private freeAt = 0;

  /**
   * The texts of all items, in pieces of one or more items.
   * @param write undefined for an item that is left out
   * @param separator between the items of a piece; none goes between pieces
   */
  async *pieces<T>(
    items: readonly T[],
    write: (item: T) => string | undefined,
    separator = '',
  ): AsyncGenerator<string> {
    for (let at = 0; at < items.length;) {
      const piece = await this.inTurn(() => pieceFrom(items, at, write));
      at = piece.end;
      if (piece.texts.length > 0) yield piece.texts.join(separator);
    }
  }

  private async inTurn<Result>(work: () => Result): Promise<Result> {
    const before = this.last;
    let end!: () => void;
    this.last = new Promise((resolve) => (end = resolve));
    await before;
    try {
      const pause = this.freeAt - performance.now();
      await (pause > 0 ? wait(pause) : nextTurn());
      const begun = performance.now();
      try {
        return work();
      } finally {
        const ended = performance.now();
        this.freeAt = ended + (ended - begun) * (1 / EXPORT_SHARE - 1);
      }
    } finally {
      end();
    }
  }
}

/** Writes items until the piece is long enough, or has taken its time. @returns `end`: the index of the next item */
function pieceFrom<T>(
  items: readonly T[],
  start: number,
  write: (item: T) => string | undefined,
): { texts: string[]; end: number } {
  const begun = performance.now();
  const texts: string[] = [];
  let end = start;
  for (let length = 0; end < items.length && length < PIECE_LENGTH && performance.now() - begun < PIECE_MS; end += 1) {
    const text = write(items[end]!);
    if (text === undefined) continue;
    texts.push(text);
    length += text.length;
  }
  return { texts, end };
}

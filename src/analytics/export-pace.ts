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
      const texts: string[] = [];
      await this.inTurn(() => {
        const begun = performance.now();
        for (
          let length = 0;
          at < items.length && length < PIECE_LENGTH && performance.now() - begun < PIECE_MS;
          at += 1
        ) {
          const text = write(items[at]!);
          if (text === undefined) continue;
          texts.push(text);
          length += text.length;
        }
      });
      if (texts.length > 0) yield texts.join(separator);
    }
  }

  private async inTurn(work: () => void): Promise<void> {
    const before = this.last;
    let end!: () => void;
    this.last = new Promise((resolve) => (end = resolve));
    await before;
    try {
      const pause = this.freeAt - performance.now();
      await (pause > 0 ? wait(pause) : nextTurn());
      const begun = performance.now();
      try {
        work();
      } finally {
        const ended = performance.now();
        this.freeAt = ended + (ended - begun) * (1 / EXPORT_SHARE - 1);
      }
    } finally {
      end();
    }
  }
}

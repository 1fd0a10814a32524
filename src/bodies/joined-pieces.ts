/** Pieces under this size are joined, in bytes. */
const SMALL_PIECE_BYTES = 4096;

/**
 * The bytes of a body as they arrive. A piece takes memory of its own beside its bytes, so small ones are copied together.
 * The first piece is kept as it is, since most bodies come in one.
 */
export class JoinedPieces {
  private pieces: Buffer[] = [];
  private bytes = 0;
  /** What small pieces are copied to. */
  private block: Buffer | undefined;
  private used = 0;

  /** @returns bytes of memory that are held in addition; none where the piece found place in what was held already */
  add(piece: Buffer): number {
    const isFirst = this.bytes === 0;
    this.bytes += piece.length;
    if (isFirst || piece.length >= SMALL_PIECE_BYTES) {
      this.closeBlock();
      this.pieces.push(piece);
      return piece.length;
    }
    let taken = 0;
    if (!this.block || this.used + piece.length > SMALL_PIECE_BYTES) {
      this.closeBlock();
      this.block = Buffer.allocUnsafeSlow(SMALL_PIECE_BYTES);
      taken = SMALL_PIECE_BYTES;
    }
    this.used += piece.copy(this.block, this.used);
    return taken;
  }

  /** The body so far, in one piece. */
  joined(): Buffer {
    this.closeBlock();
    return this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces, this.bytes);
  }

  private closeBlock(): void {
    if (this.block) this.pieces.push(this.block.subarray(0, this.used));
    this.block = undefined;
    this.used = 0;
  }
}

import { Injectable } from '@nestjs/common';
import type { RoaringBitmap32 } from 'roaring-wasm';
import { readUsers } from '../database/seen-users.js';

/** Bytes of bitmaps, as they are stored; unpacked they take about as much. */
const MAX_BYTES = 48 * 1024 * 1024;

const KEPT_SHARE = 0.9;

interface UnpackedCell {
  version: string;
  users: RoaringBitmap32;
  /** Of the bitmap as stored. */
  bytes: number;
  /** When it was last asked for, by the cache's own count. */
  used: number;
}

/**
 * The users of sealed cells that were asked for lately, unpacked. What is stored decides: a bitmap is good only for the
 * version that was just read, in the same snapshot, so an answer from here is as exact as one from the database. The least
 * lately used go. Quarter-hours are not kept: they are asked for of the two ends of a range alone.
 */
@Injectable()
export class SealedUsersCache {
  private readonly cells = new Map<string, UnpackedCell>();
  private bytes = 0;
  private asked = 0;

  /** @param cell names a cell @returns its users, undefined when they are not here in this version */
  get(cell: string, version: string): RoaringBitmap32 | undefined {
    const known = this.cells.get(cell);
    if (known?.version !== version) return undefined;
    known.used = this.asked += 1;
    return known.users;
  }

  /** Keeps a cell's users, instead of another version of them. @param stored as in `event_users.users` */
  put(cell: string, version: string, stored: Buffer): RoaringBitmap32 {
    this.drop(cell);
    const users = readUsers(stored);
    this.cells.set(cell, { version, users, bytes: stored.length, used: (this.asked += 1) });
    this.bytes += stored.length;
    return users;
  }

  /** Makes room, and some more than is needed. Call when no cell is in use: what goes is disposed of. */
  trim(): void {
    if (this.bytes <= MAX_BYTES) return;
    const oldest = [...this.cells].sort(([, a], [, b]) => a.used - b.used);
    for (const [cell] of oldest) {
      if (this.bytes <= MAX_BYTES * KEPT_SHARE) return;
      this.drop(cell);
    }
  }

  private drop(cell: string): void {
    const known = this.cells.get(cell);
    if (!known) return;
    this.cells.delete(cell);
    this.bytes -= known.bytes;
    known.users.dispose();
  }
}

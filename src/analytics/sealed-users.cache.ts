import { Injectable } from '@nestjs/common';
import type { RoaringBitmap32 } from 'roaring-wasm';
import { readUsers } from '../database/seen-users.js';

/** Bytes of bitmaps, as they are stored; unpacked they take about as much. */
const MAX_BYTES = 48 * 1024 * 1024;

const KEPT_SHARE = 0.9;

/** Unpacked users of a cell that somebody counts with: they stay until they are released. */
export interface HeldUsers {
  readonly users: RoaringBitmap32;
}

interface UnpackedCell extends HeldUsers {
  version: string;
  /** Of the bitmap as stored. */
  bytes: number;
  /** When it was last asked for, by the cache's own count. */
  used: number;
  holders: number;
  /** Out of the cache: the last holder disposes of it. */
  isDropped: boolean;
}

/**
 * The users of sealed cells that were asked for lately, unpacked. What is stored decides: a bitmap is good only for the
 * version that was just read, in the same snapshot, so an answer from here is as exact as one from the database. The least
 * lately used go. Quarter-hours are not kept: they are needed at the two ends of a range alone.
 */
@Injectable()
export class SealedUsersCache {
  private readonly cells = new Map<string, UnpackedCell>();
  private bytes = 0;
  private asked = 0;

  /** Whether a cell's users are here in this version. */
  has(cell: string, version: string): boolean {
    return this.cells.get(cell)?.version === version;
  }

  /** @param cell names a cell @returns its users, to be released; undefined when they are not here in this version */
  hold(cell: string, version: string): HeldUsers | undefined {
    const known = this.cells.get(cell);
    if (known?.version !== version) return undefined;
    known.used = this.asked += 1;
    known.holders += 1;
    return known;
  }

  /** Keeps a cell's users, instead of another version of them. @param stored as in `event_users.users` @returns as hold() */
  put(cell: string, version: string, stored: Buffer): HeldUsers {
    this.drop(cell);
    const used = (this.asked += 1);
    const kept = { version, users: readUsers(stored), bytes: stored.length, used, holders: 1, isDropped: false };
    this.cells.set(cell, kept);
    this.bytes += stored.length;
    return kept;
  }

  /** Call it once for each hold() and put(). */
  release(held: HeldUsers): void {
    const cell = held as UnpackedCell;
    cell.holders -= 1;
    if (cell.isDropped && cell.holders === 0) cell.users.dispose();
  }

  /** Makes room, and some more than is needed. */
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
    known.isDropped = true;
    if (known.holders === 0) known.users.dispose();
  }
}

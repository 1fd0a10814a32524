import { Injectable } from '@nestjs/common';
import type { RoaringBitmap32 } from 'roaring-wasm';
import { readUsers, type SealedSightings } from '../database/seen-users.js';

/** Bytes of sealed cells that are kept as they are stored; unpacked they take about as much. */
const MAX_BYTES = 48 * 1024 * 1024;

const KEPT_SHARE = 0.9;

/** A sealed cell ready to be united with others. */
export interface UnpackedCell {
  version: string;
  users: RoaringBitmap32;
  sealed: SealedSightings;
  /** When it was last asked for, by the cache's own count. */
  used: number;
}

/**
 * Sealed cells that were asked for lately, unpacked. What is stored decides: a cell is good only for the version that was
 * just read, in the same snapshot, so an answer from here is as exact as one from the database. The least lately used go.
 */
@Injectable()
export class SealedUsersCache {
  private readonly cells = new Map<string, UnpackedCell>();
  private bytes = 0;
  private asked = 0;

  /** @param cell names a cell @returns undefined when it is not here in this version */
  get(cell: string, version: string): UnpackedCell | undefined {
    const known = this.cells.get(cell);
    if (known?.version !== version) return undefined;
    known.used = this.asked += 1;
    return known;
  }

  /** Keeps a cell, instead of another version of it. */
  put(cell: string, version: string, sealed: SealedSightings): UnpackedCell {
    this.drop(cell);
    const unpacked = { version, users: readUsers(sealed.users), sealed, used: (this.asked += 1) };
    this.cells.set(cell, unpacked);
    this.bytes += size(sealed);
    return unpacked;
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
    this.bytes -= size(known.sealed);
    known.users.dispose();
  }
}

function size({ users, quarters }: SealedSightings): number {
  return users.length + quarters.length;
}

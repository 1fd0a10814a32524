import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { appFences } from '../database/app-fences.js';
import { uuidV7 } from '../events/event-id.js';
import type { AcceptedEvent } from '../events/event.js';
import { copyBytes } from '../read-model/copy-size.js';
import { OutboxRepository } from '../read-model/outbox/outbox.repository.js';
import type { CommittedBatch } from '../read-model/projector.js';
import { type Chunk, type Entry, eventKey, readChunk, type Refused } from './chunk.js';
import { fence, type FencedChunk } from './fence.js';
import { sqlTime } from './repositories/bulk.js';
import { ClaimRepository } from './repositories/claim.repository.js';
import { DeadLetterRepository } from './repositories/dead-letter.repository.js';
import { EventRepository, type StoredCopy } from './repositories/event.repository.js';
import { RollupRepository } from './repositories/rollup.repository.js';
import { storedForm } from './stored-form.js';
import { sumRollups } from './rollup-sums.js';
import { dataErrorReason, isDataError } from './sql-errors.js';

/** What a committed transaction did with its entries; every entry is in exactly one of the four. */
export interface ChunkOutcome {
  received: number;
  inserted: number;
  duplicated: number;
  erased: number;
  /** Codes of the entries that went to the dead letters. */
  dead: string[];
  /** What the outbox now holds of it; undefined where nothing was inserted, or there is no read model. */
  copy?: CommittedBatch;
}

/** The claim's cursor is elsewhere: another worker committed these entries. Nothing was written. */
export class CursorMovedError extends Error {
  override readonly name = 'CursorMovedError';
}

/** Entries of a chunk after the insert was tried. */
interface Inserted {
  /** Rows that were really inserted. */
  count: number;
  /** Taken by MySQL, now or earlier. */
  stored: Entry[];
  /** Refused by MySQL, with its reason. */
  unstorable: { entry: Entry; reason: string }[];
}

/**
 * The write: one transaction a chunk, in which events, rollups, dead letters, ledger and cursor move together or not at
 * all. Retrying is the caller's part.
 */
@Injectable()
export class EventWriter {
  constructor(
    private readonly dataSource: DataSource,
    private readonly claims: ClaimRepository,
    private readonly events: EventRepository,
    private readonly rollups: RollupRepository,
    private readonly deadLetters: DeadLetterRepository,
    private readonly outbox: OutboxRepository,
  ) {}

  /**
   * @param start index in the claim of the first of these entries
   * @throws CursorMovedError; errors of MySQL, after which nothing is written
   */
  write(claimId: string, start: number, texts: readonly string[]): Promise<ChunkOutcome> {
    // A batch id belongs to one transaction: what a failed attempt might have left could not be taken for ours.
    const batchId = uuidV7(Date.now());
    return this.dataSource.transaction(async (manager) => {
      await this.moveCursor(manager, claimId, start, texts.length);
      const { entries, refused, overtaken, erased } = await this.admit(manager, texts);
      const inserted = await this.insert(manager, entries, batchId);
      const { fresh, duplicated: copies, conflicting } = await this.tellApart(manager, inserted, batchId);
      await manager.withRepository(this.rollups).add(sumRollups(fresh.map((entry) => entry.event)));
      const dead = [...refused, ...conflicting];
      const duplicated = copies + overtaken;
      const events = fresh.map(({ event }) => event);
      return this.close(manager, { claimId, batchId, start, texts, inserted: events, duplicated, dead, erased });
    });
  }

  /** Puts one entry among the dead letters unread: no other way was found to get past it. */
  condemn(claimId: string, start: number, text: string, reason: string): Promise<ChunkOutcome> {
    const batchId = uuidV7(Date.now());
    return this.dataSource.transaction(async (manager) => {
      await this.moveCursor(manager, claimId, start, 1);
      const { entries, refused, overtaken, erased } = await this.admit(manager, [text]);
      const dead = [...refused, ...entries.map((entry) => unstorable(entry, reason))];
      const counts = { inserted: [], duplicated: overtaken, erased };
      return this.close(manager, { claimId, batchId, start, texts: [text], ...counts, dead });
    });
  }

  private async moveCursor(manager: EntityManager, claimId: string, start: number, length: number): Promise<void> {
    const moved = await manager.withRepository(this.claims).advance(claimId, start, start + length);
    if (!moved) throw new CursorMovedError(`The cursor of claim ${claimId} is not at ${start} any more`);
  }

  /** What of a chunk may be stored: not what was overtaken, not what has expired, not what was erased. */
  private async admit(manager: EntityManager, texts: readonly string[]): Promise<FencedChunk & { overtaken: number }> {
    const { overtaken, ...chunk } = await this.redeem(manager, readChunk(texts));
    const apps = [
      ...chunk.entries.map(({ event }) => event.appId),
      ...chunk.refused.flatMap(({ appId }) => appId ?? []),
    ];
    const fences = await appFences(manager, [...new Set(apps)]);
    return { ...fence(chunk, fences), overtaken };
  }

  /**
   * Takes away the dead letters that are tried again by entries of this chunk; what fails again becomes one again. An
   * entry whose letter is not there any more was overtaken by another order for it, and is done.
   */
  private async redeem(manager: EntityManager, { entries, refused }: Chunk): Promise<Chunk & { overtaken: number }> {
    const ids = [...entries, ...refused].flatMap(({ letterId }) => letterId ?? []);
    if (ids.length === 0) return { entries, refused, overtaken: 0 };
    const there = await manager.withRepository(this.deadLetters).take(ids);
    const counts = ({ letterId }: { letterId?: string }) => letterId === undefined || there.delete(letterId);
    const left = { entries: entries.filter(counts), refused: refused.filter(counts) };
    const overtaken = entries.length + refused.length - left.entries.length - left.refused.length;
    return { ...left, overtaken };
  }

  /** A data error bisects the rows, inside the transaction, down to the bad ones. */
  private async insert(manager: EntityManager, entries: Entry[], batchId: string): Promise<Inserted> {
    if (entries.length === 0) return { count: 0, stored: [], unstorable: [] };
    try {
      const events = entries.map((entry) => storedForm(entry.event, batchId));
      const count = await manager.withRepository(this.events).insertNew(events);
      return { count, stored: entries, unstorable: [] };
    } catch (error) {
      if (!isDataError(error)) throw error;
      const [first] = entries as [Entry];
      if (entries.length === 1) {
        return { count: 0, stored: [], unstorable: [{ entry: first, reason: dataErrorReason(error) }] };
      }
      const middle = entries.length >> 1;
      const left = await this.insert(manager, entries.slice(0, middle), batchId);
      const right = await this.insert(manager, entries.slice(middle), batchId);
      return {
        count: left.count + right.count,
        stored: [...left.stored, ...right.stored],
        unstorable: [...left.unstorable, ...right.unstorable],
      };
    }
  }

  /** Which entries this transaction inserted, which were stored before, and which contradict what is stored. */
  private async tellApart(
    manager: EntityManager,
    { count, stored, unstorable: bad }: Inserted,
    batchId: string,
  ): Promise<{ fresh: Entry[]; duplicated: number; conflicting: Refused[] }> {
    if (count === stored.length && bad.length === 0) return { fresh: stored, duplicated: 0, conflicting: [] };
    const events = [...stored, ...bad.map(({ entry }) => entry)].map((entry) => entry.event);
    const copies = await manager.withRepository(this.events).storedCopies(events, batchId);
    const told = tellStoredApart(stored, copies);
    for (const { entry, reason } of bad) {
      const copy = copies.get(eventKey(entry.event));
      if (!copy) told.conflicting.push(unstorable(entry, reason));
      else if (copy.payloadHash === entry.event.payloadHash) told.duplicated += 1;
      else told.conflicting.push(conflict(entry));
    }
    if (told.fresh.length !== count) {
      throw new Error(
        `MySQL inserted ${count} events, but ${told.fresh.length} carry this batch: nothing was committed`,
      );
    }
    return told;
  }

  private async close(
    manager: EntityManager,
    done: {
      claimId: string;
      batchId: string;
      start: number;
      texts: readonly string[];
      inserted: readonly AcceptedEvent[];
      duplicated: number;
      dead: Refused[];
      erased: number;
    },
  ): Promise<ChunkOutcome> {
    const now = Date.now();
    const received = done.texts.length;
    if (received !== done.inserted.length + done.duplicated + done.dead.length + done.erased) {
      throw new Error(`A chunk of ${received} entries does not balance: nothing was committed`);
    }
    await manager.withRepository(this.deadLetters).put(done.dead, done.batchId, now);
    const copy = await this.noteForCopy(manager, done.batchId, done.inserted);
    await manager.withRepository(this.claims).enter({
      batchId: done.batchId,
      claimId: done.claimId,
      firstIndex: done.start,
      received,
      inserted: done.inserted.length,
      duplicated: done.duplicated,
      dead: done.dead.length,
      erased: done.erased,
      committedAt: now,
      outboxRows: copy ? 1 : 0,
    });
    return {
      received,
      inserted: done.inserted.length,
      duplicated: done.duplicated,
      erased: done.erased,
      dead: done.dead.map((entry) => entry.code),
      ...(copy ? { copy } : {}),
    };
  }

  /** The transactional outbox: what is committed and not yet in the read model is always known. */
  private async noteForCopy(
    manager: EntityManager,
    batchId: string,
    inserted: readonly AcceptedEvent[],
  ): Promise<CommittedBatch | undefined> {
    if (inserted.length === 0) return undefined;
    const oldest = inserted.reduce((least, { receivedAt }) => Math.min(least, receivedAt), Infinity);
    const bytes = inserted.reduce((sum, event) => sum + copyBytes(event), 0);
    const rows = await manager.withRepository(this.outbox).add(batchId, inserted, sqlTime(oldest), bytes);
    return rows === 0 ? undefined : { batchId, bytes, events: inserted.map((event) => storedForm(event, batchId)) };
  }
}

/** Of several copies in one chunk the first was inserted: rows are inserted in the order in which they are given. */
function tellStoredApart(stored: Entry[], copies: Map<string, StoredCopy>) {
  const fresh: Entry[] = [];
  const conflicting: Refused[] = [];
  const counted = new Set<string>();
  let duplicated = 0;
  for (const entry of stored) {
    const key = eventKey(entry.event);
    const copy = copies.get(key);
    if (!copy) throw new Error('An event that MySQL took is not there: nothing was committed');
    if (copy.payloadHash !== entry.event.payloadHash) conflicting.push(conflict(entry));
    else if (copy.mine && !counted.has(key)) fresh.push(entry);
    else duplicated += 1;
    counted.add(key);
  }
  return { fresh, duplicated, conflicting };
}

function unstorable({ text, event }: Entry, reason: string): Refused {
  return { text, event, appId: event.appId, code: 'unstorable', reason };
}

function conflict({ text, event }: Entry): Refused {
  const reason = 'An event with this id and other content is stored already; the first one counts.';
  return { text, event, appId: event.appId, code: 'id_conflict', reason };
}

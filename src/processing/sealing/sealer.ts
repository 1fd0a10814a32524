import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { mergeSightings, readSightings, sighting, writeSightings } from '../../database/seen-users.js';
import { uuidV7 } from '../../events/event-id.js';
import { binary } from '../../database/binary.js';
import { withNamedLock } from '../../database/named-lock.js';
import { retried } from '../../database/retried.js';
import {
  type BatchKey,
  type FoundBatch,
  type SealedCell,
  SealingRepository,
  type SeenBatch,
} from './sealing.repository.js';
import { type AppTurn, SealingTurns } from './sealing-turns.js';

/** How often it looks. */
const EVERY_MS = 1000;
/** Batches of an app that are looked at in one transaction, and sealed if their cells are due. */
const BATCHES_AT_ONCE = 500;
/** Of these, no more than hold this many bytes: some 60,000 sightings. */
const BYTES_AT_ONCE = 1024 * 1024;
/** Sealed cells read in one statement. */
const CELLS_AT_ONCE = 32;
/** Bytes of sealed cells written in one statement, and one cell more. */
const WRITTEN_AT_ONCE = 1024 * 1024;
/** Bytes of batches after which a cell does not wait any longer: some 8,000 sightings. */
const ENOUGH_BYTES = 128 * 1024;
/** After this long it lets go of the lock, so that an erasure that waits for it comes first. */
const HOLD_MS = 500;
/** Then it waits this long for the lock, seconds. */
const AGAIN_WITHIN_S = 5;

/**
 * Seals what chunks have added: the sightings of a cell's batches go into the cell's bitmap, in the transaction that takes
 * the batches away. So a question meets few batches, whatever the traffic. One worker at a time does it; late events
 * simply make batches again. Accounts are served in turn, a page of batches at a time, so that a cell does not wait for all
 * of another account's.
 */
@Injectable()
export class Sealer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  private readonly turns = new SealingTurns();
  /** When apps with batches were last looked for, ms of the process. */
  private lookedAt = -Infinity;

  constructor(
    private readonly dataSource: DataSource,
    private readonly sealing: SealingRepository,
    private readonly env: Env,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'sealing',
      intervalMs: Math.min(EVERY_MS, env.sealAfterMs),
      run: (signal) => this.run(signal),
      logger,
      failure: 'Could not seal distinct users; their batches stay and are tried again',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async run(signal: AbortSignal): Promise<void> {
    this.lookedAt = -Infinity;
    let more = await this.sealForAWhile(0, signal);
    while (more) more = await this.sealForAWhile(AGAIN_WITHIN_S, signal);
  }

  /** @param waitS how long to wait for the lock, seconds @returns whether there is more to look at; undefined without the lock */
  private sealForAWhile(waitS: number, signal: AbortSignal): Promise<boolean | undefined> {
    return withNamedLock(this.dataSource, 'sealing', waitS, async ({ manager }) => {
      const begun = performance.now();
      // While a backlog is worked off, others have new batches.
      if (begun - this.lookedAt >= EVERY_MS) {
        this.turns.add(await manager.withRepository(this.sealing).appsWithBatches());
        this.lookedAt = begun;
      }
      while (!signal.aborted && performance.now() - begun < HOLD_MS) {
        const turn = this.turns.take();
        if (!turn) return false;
        const after = await retried(() => manager.transaction((transaction) => this.sealPage(transaction, turn)));
        if (after) this.turns.add([{ ...turn, after }]);
      }
      return !this.turns.isEmpty && !signal.aborted;
    });
  }

  /** @returns the last batch looked at; undefined when the app has no more of them */
  private async sealPage(manager: EntityManager, { appId, ownerId, after }: AppTurn): Promise<BatchKey | undefined> {
    const sealing = manager.withRepository(this.sealing);
    const page = await sealing.batchesOf(appId, after, BATCHES_AT_ONCE);
    const looked = firstOf(page, BYTES_AT_ONCE, ({ bytes }) => bytes);
    const due = dueOf(looked, binary(uuidV7(Date.now() - this.env.sealAfterMs)));
    if (due.length > 0) await this.seal(sealing, appId, ownerId, due);
    return page.length < BATCHES_AT_ONCE && looked.length === page.length ? undefined : looked.at(-1);
  }

  private async seal(
    sealing: SealingRepository,
    appId: Buffer,
    ownerId: Buffer,
    due: readonly BatchKey[],
  ): Promise<void> {
    const batches = await sealing.lockBatches(appId, due);
    if (batches.length === 0) return;
    const numbers = await this.numbersOf(sealing, ownerId, batches);
    const cells = [...byCell(batches).values()];
    for (let at = 0; at < cells.length; at += CELLS_AT_ONCE) {
      const some = cells.slice(at, at + CELLS_AT_ONCE);
      const keys = some.map(([first]) => first!);
      const sealedBefore = byCell(await sealing.lockCells(appId, keys));
      let written: SealedCell[] = [];
      let bytes = 0;
      for (const own of some) {
        const { event, day } = own[0]!;
        const seen = own.flatMap(({ sightings }) => sightings);
        const added = Float64Array.from(seen, ([userKey, quarter]) => sighting(numbers.get(userKey)!, quarter)).sort();
        const [before] = sealedBefore.get(cellText(own[0]!)) ?? [];
        const sealed = writeSightings(mergeSightings(before ? readSightings(before.sealed) : [], added));
        if (sealed.quarters.length > 0) written.push({ event, day, sealed });
        bytes += sealed.users.length + sealed.quarters.length;
        if (bytes < WRITTEN_AT_ONCE) continue;
        await sealing.putCells(appId, written);
        [written, bytes] = [[], 0];
      }
      await sealing.putCells(appId, written);
    }
    await sealing.deleteLocked(appId, batches);
  }

  /** The number of everybody in these batches, given now to those who had none. @returns by user key */
  private async numbersOf(
    sealing: SealingRepository,
    ownerId: Buffer,
    batches: readonly SeenBatch[],
  ): Promise<Map<string, number>> {
    const keys = new Set(batches.flatMap(({ sightings }) => sightings.map(([userKey]) => userKey)));
    const known = await sealing.numbers(ownerId, [...keys]);
    const fresh = [...keys].filter((userKey) => !known.has(userKey));
    return new Map([...known, ...(await sealing.giveNumbers(ownerId, fresh))]);
  }
}

type Cell = Pick<BatchKey, 'event' | 'day'>;

function cellText({ event, day }: Cell): string {
  return `${event.toString('hex')} ${day}`;
}

function byCell<T extends Cell>(items: readonly T[]): Map<string, T[]> {
  const cells = new Map<string, T[]>();
  for (const item of items) {
    const own = cells.get(cellText(item));
    if (own) own.push(item);
    else cells.set(cellText(item), [item]);
  }
  return cells;
}

/** The first items, until together they have this size; at least one, where there is one. */
function firstOf<T>(items: readonly T[], size: number, sizeOf: (item: T) => number): readonly T[] {
  let sum = 0;
  const end = items.findIndex((item) => (sum += sizeOf(item)) >= size);
  return end === -1 ? items : items.slice(0, end + 1);
}

/** Batches of cells that have waited long enough, or hold enough. @param until batch id, 16 bytes */
function dueOf(batches: readonly FoundBatch[], until: Buffer): FoundBatch[] {
  return [...byCell(batches).values()].filter((own) => isDue(own, until)).flat();
}

function isDue(batches: readonly FoundBatch[], until: Buffer): boolean {
  const hasWaited = batches.some(({ batchId }) => Buffer.compare(batchId, until) <= 0);
  return hasWaited || batches.reduce((sum, { bytes }) => sum + bytes, 0) >= ENOUGH_BYTES;
}

import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { mergeSightings, readSightings, sighting, writeSightings } from '../../database/seen-users.js';
import { uuidV7 } from '../../events/event-id.js';
import { binary } from '../../database/binary.js';
import { withNamedLock } from '../named-lock.js';
import { retried } from '../retried.js';
import { type DueCell, type SeenBatch, SealingRepository } from './sealing.repository.js';

/** How often it looks. */
const EVERY_MS = 1000;
/** Cells in one transaction. */
const CELLS_AT_ONCE = 64;
/** Bytes of batches after which a cell does not wait any longer: some 8,000 sightings. */
const ENOUGH_BYTES = 128 * 1024;
/** After this long it lets go of the lock, so that an erasure that waits for it comes first. */
const HOLD_MS = 500;
/** Then it waits this long for the lock, seconds. */
const AGAIN_WITHIN_S = 5;

/**
 * Seals what chunks have added: the sightings of a cell's batches go into the cell's bitmap, in the transaction that takes
 * the batches away. So a question meets few batches, whatever the traffic. One worker at a time does it; late events
 * simply make batches again.
 */
@Injectable()
export class Sealer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

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
    const until = binary(uuidV7(Date.now() - this.env.sealAfterMs));
    let more = await this.sealForAWhile(until, 0, signal);
    while (more) more = await this.sealForAWhile(until, AGAIN_WITHIN_S, signal);
  }

  /** @param waitS how long to wait for the lock, seconds @returns whether more cells may be due; undefined without the lock */
  private sealForAWhile(until: Buffer, waitS: number, signal: AbortSignal): Promise<boolean | undefined> {
    return withNamedLock(this.dataSource, 'sealing', waitS, async (runner) => {
      const begun = performance.now();
      let sealed = CELLS_AT_ONCE;
      while (sealed === CELLS_AT_ONCE && !signal.aborted && performance.now() - begun < HOLD_MS) {
        sealed = await retried(() => runner.manager.transaction((manager) => this.sealDue(manager, until)));
      }
      return sealed === CELLS_AT_ONCE && !signal.aborted;
    });
  }

  /** @returns how many cells were sealed */
  private async sealDue(manager: EntityManager, until: Buffer): Promise<number> {
    const sealing = manager.withRepository(this.sealing);
    const cells = await sealing.due(ENOUGH_BYTES, until, CELLS_AT_ONCE);
    const work: { cell: DueCell; batches: SeenBatch[] }[] = [];
    for (const cell of cells) work.push({ cell, batches: await sealing.lockCommitted(cell) });
    const numbers = await this.numbersOf(sealing, work);
    for (const { cell, batches } of work) {
      const known = numbers.get(cell.ownerId.toString('hex'))!;
      const seen = batches.flatMap(({ sightings }) => sightings);
      const added = Float64Array.from(seen, ([userKey, quarter]) => sighting(known.get(userKey)!, quarter)).sort();
      const sealed = await sealing.lockSealed(cell);
      const before = sealed ? readSightings(sealed) : [];
      await sealing.putSealed(cell, writeSightings(mergeSightings(before, added)));
      const ids = batches.map(({ batchId }) => batchId);
      await sealing.deleteBatches(cell, ids);
    }
    return cells.length;
  }

  /** The number of everybody in these batches, given now to those who had none. @returns by owner, then by user key */
  private async numbersOf(
    sealing: SealingRepository,
    work: readonly { cell: DueCell; batches: SeenBatch[] }[],
  ): Promise<Map<string, Map<string, number>>> {
    const keysOf = new Map<string, Set<string>>();
    for (const { cell, batches } of work) {
      const owner = cell.ownerId.toString('hex');
      const keys = keysOf.get(owner) ?? new Set();
      keysOf.set(owner, keys);
      for (const { sightings } of batches) for (const [userKey] of sightings) keys.add(userKey);
    }
    const numbersOf = new Map<string, Map<string, number>>();
    for (const [owner, keys] of keysOf) {
      const ownerId = binary(owner);
      const known = await sealing.numbers(ownerId, [...keys]);
      const fresh = [...keys].filter((userKey) => !known.has(userKey));
      numbersOf.set(owner, new Map([...known, ...(await sealing.giveNumbers(ownerId, fresh))]));
    }
    return numbersOf;
  }
}

import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { binary } from '../../database/binary.js';
import { userKeysOf } from '../../events/person.js';
import { retried } from '../../database/retried.js';
import { SealingRepository } from '../sealing/sealing.repository.js';
import { whileNobodySeals } from '../sealing/while-nobody-seals.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';
import { type PersonKey, personKeys } from './person-key.js';
import { erasePersonChunk, rewritePerson } from './person-rows.js';
import { type CellBounds, oldCells, seePeopleAnew } from './person-sightings.js';
import { PersonTraces } from './person-traces.js';

/** Cells of distinct users in one transaction. */
const CELLS = 100;

const DELETED_BEFORE = 'SELECT deleted_before AS deletedBefore FROM apps WHERE id = ?';

/** Takes people out of events, rollups and dead letters of one app. Beginning again after a crash changes nothing. */
@Injectable()
export class PersonEraser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly sealing: SealingRepository,
    private readonly traces: PersonTraces,
  ) {}

  /**
   * Yields between transactions. What is found only by walking the app's rows is searched once for all people.
   * @param orders people of one app
   * @param failed told of an order that could not be carried out; the others go on
   */
  async *erase(
    orders: readonly OpenErasure[],
    failed: (erasure: OpenErasure, error: unknown) => void,
  ): AsyncGenerator<void, void> {
    let erased = yield* each(orders, (erasure) => this.eraseEvents(erasure), failed);
    if (erased.length === 0) return;
    yield* this.forgetOldDays(erased);
    erased = yield* each(erased, (erasure) => this.forgetPerson(erasure), failed);
    yield* this.traces.forgetAliases(erased);
    yield* this.traces.eraseDeadLetters(erased);
  }

  private async *eraseEvents(erasure: OpenErasure): AsyncGenerator<void, void> {
    for (const person of keysOf(erasure)) {
      for (let more = true; more;) {
        more = await retried(() =>
          this.dataSource.transaction(async (manager) => {
            const sealing = manager.withRepository(this.sealing);
            const chunk = await erasePersonChunk(manager, sealing, person, erasure.requestedAt);
            if (chunk.deleted > 0) await manager.withRepository(this.erasures).add(erasure.id, chunk.deleted);
            return chunk.more;
          }),
        );
        yield;
      }
    }
  }

  /** What retention left of people has no events to be found by. */
  private async *forgetOldDays(orders: readonly OpenErasure[]): AsyncGenerator<void, void> {
    const people = orders.flatMap(keysOf);
    const { appId, ownerId } = people[0]!;
    const userKeys = people.map(({ userKey }) => userKey.toString('hex'));
    // Asked now: retention may have gone on since the order was read.
    const [app]: { deletedBefore: Date | null }[] = await this.dataSource.query(DELETED_BEFORE, [appId]);
    if (!app?.deletedBefore) return;
    for (let bounds: CellBounds | undefined = { before: app.deletedBefore, limit: CELLS }; bounds;) {
      const cells = await oldCells(this.dataSource.manager, appId, bounds);
      await retried(() =>
        this.dataSource.transaction((manager) =>
          seePeopleAnew(manager, manager.withRepository(this.sealing), { appId, ownerId, userKeys }, cells),
        ),
      );
      yield;
      bounds = cells.length === CELLS ? { ...bounds, after: cells.at(-1) } : undefined;
    }
  }

  /** The person's row as what came later tells it; where nothing came, their number goes too. */
  private async *forgetPerson(erasure: OpenErasure): AsyncGenerator<void, void> {
    const people = keysOf(erasure);
    await whileNobodySeals(this.dataSource, async (manager) => {
      for (const person of people) await rewritePerson(manager, person);
      const userKeys = people.map(({ userKey }) => userKey);
      await manager.withRepository(this.sealing).forgetNumbers(binary(erasure.ownerId), userKeys);
    });
    yield;
  }
}

/** One key for each kind of user that the person may be, in ascending order: the order in which chunks lock. */
function keysOf({ appId, ownerId, userValue }: OpenErasure): PersonKey[] {
  return personKeys(appId, ownerId, userKeysOf(userValue!).sort());
}

/** Does the work for each order. @returns the orders that did not fail */
async function* each(
  orders: readonly OpenErasure[],
  work: (erasure: OpenErasure) => AsyncGenerator<void, void>,
  failed: (erasure: OpenErasure, error: unknown) => void,
): AsyncGenerator<void, OpenErasure[]> {
  const done: OpenErasure[] = [];
  for (const erasure of orders) {
    try {
      yield* work(erasure);
      done.push(erasure);
    } catch (error) {
      failed(erasure, error);
    }
  }
  return done;
}

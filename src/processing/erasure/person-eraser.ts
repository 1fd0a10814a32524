import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { userKeysOf } from '../../events/person.js';
import { retried } from '../../database/retried.js';
import { OldUserTables } from '../old-user-tables/old-user-tables.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';
import { type PersonKey, personKeys } from './person-key.js';
import { erasePersonChunk, rewritePerson } from './person-rows.js';
import { PersonTraces } from './person-traces.js';

const ARCHIVED_AT_ONCE = 5000;
const DELETE_ARCHIVED = `DELETE FROM archived_users WHERE app_id = ? AND user_key = ?
ORDER BY day, event LIMIT ${ARCHIVED_AT_ONCE}`;

/** Removes people from the events, rollups, archive and dead letters of one app. It may be run again after a crash. */
@Injectable()
export class PersonEraser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly oldTables: OldUserTables,
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
    erased = yield* each(erased, (erasure) => this.forgetArchived(erasure), failed);
    erased = yield* each(erased, (erasure) => this.forgetPerson(erasure), failed);
    yield* this.traces.forgetAliases(erased);
    yield* this.traces.eraseDeadLetters(erased);
  }

  private async *eraseEvents(erasure: OpenErasure): AsyncGenerator<void, void> {
    for (const person of keysOf(erasure)) {
      for (let more = true; more;) {
        more = await retried(() =>
          this.dataSource.transaction(async (manager) => {
            const chunk = await erasePersonChunk(manager, person, erasure.requestedAt);
            if (chunk.deleted > 0) await manager.withRepository(this.erasures).add(erasure.id, chunk.deleted);
            return chunk.more;
          }),
        );
        yield;
      }
    }
  }

  /** Runs after the events are deleted, so that it finds what retention archived meanwhile. */
  private async *forgetArchived(erasure: OpenErasure): AsyncGenerator<void, void> {
    const people = keysOf(erasure);
    const { appId, ownerId } = people[0]!;
    const userKeys = people.map(({ userKey }) => userKey);
    await this.oldTables.forgetPeople(appId, ownerId, userKeys);
    for (const userKey of userKeys) {
      for (let deleted = ARCHIVED_AT_ONCE; deleted === ARCHIVED_AT_ONCE;) {
        const result = await retried<{ affectedRows: number }>(() =>
          this.dataSource.query(DELETE_ARCHIVED, [appId, userKey]),
        );
        deleted = result.affectedRows;
        yield;
      }
    }
  }

  /** Rebuilds the person's row from events that came after the request. */
  private async *forgetPerson(erasure: OpenErasure): AsyncGenerator<void, void> {
    const people = keysOf(erasure);
    await retried(() =>
      this.dataSource.transaction(async (manager) => {
        for (const person of people) await rewritePerson(manager, person);
      }),
    );
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

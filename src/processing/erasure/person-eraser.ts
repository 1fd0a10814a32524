import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isNamed, isOwn, peopleOf, userKeysOf, withoutAlias } from '../../events/person.js';
import { binary, nonEmpty } from '../../database/binary.js';
import { retried } from '../retried.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';
import { SealingRepository } from '../sealing/sealing.repository.js';
import { whileNobodySeals } from '../sealing/while-nobody-seals.js';
import { type PersonKey, personKeys } from './person-key.js';
import { erasePersonChunk, rewritePerson } from './person-rows.js';
import { oldCells, seePersonAnew } from './person-sightings.js';

/** Events in one transaction. */
const CHUNK = 1000;
/** Rows looked at in one statement. */
const PAGE = 5000;
/** Cells of distinct users in one transaction. */
const CELLS = 100;

const DELETED_BEFORE = 'SELECT deleted_before AS deletedBefore FROM apps WHERE id = ?';
const LETTERS = 'SELECT id, envelope FROM dead_letters WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?';
const REWRITE_LETTER = 'UPDATE dead_letters SET envelope = ? WHERE id = ?';
const DELETE_LETTERS = 'DELETE FROM dead_letters WHERE id IN (?)';
const PAGE_END = 'SELECT id FROM events WHERE app_id = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?';
const FORGET_ALIAS = `UPDATE events SET anonymous_id = NULL
WHERE app_id = ? AND id > ? AND id <= ? AND anonymous_id = ? AND user_id IS NOT NULL AND received_at <= ?`;

const FIRST_ID = Buffer.alloc(16);
const LAST_ID = Buffer.alloc(16, 0xff);

/** Takes a person out of events, rollups and dead letters of one app. Beginning again after a crash changes nothing. */
@Injectable()
export class PersonEraser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly sealing: SealingRepository,
  ) {}

  /** @param alive called between transactions */
  async erase(erasure: OpenErasure, alive: () => Promise<void>): Promise<void> {
    const userValue = erasure.userValue!;
    const keys = userKeysOf(userValue);
    for (const person of personKeys(erasure.appId, erasure.ownerId, keys)) {
      let deleted: number;
      do {
        deleted = await retried(() =>
          this.dataSource.transaction(async (manager) => {
            const n = await erasePersonChunk(
              manager,
              manager.withRepository(this.sealing),
              person,
              erasure.requestedAt,
              CHUNK,
            );
            if (n > 0) await manager.withRepository(this.erasures).add(erasure.id, n);
            return n;
          }),
        );
        await alive();
      } while (deleted === CHUNK);
      await this.forgetOldDays(person, alive);
      await this.forgetPerson(person);
    }
    await this.forgetAlias(erasure, userValue, alive);
    await this.eraseDeadLetters(erasure, keys, alive);
  }

  /** What retention left of a person has no events to be found by. */
  private async forgetOldDays(person: PersonKey, alive: () => Promise<void>): Promise<void> {
    // Asked now: retention may have gone on since the order was read.
    const [app]: { deletedBefore: Date | null }[] = await this.dataSource.query(DELETED_BEFORE, [person.appId]);
    if (!app?.deletedBefore) return;
    const { deletedBefore } = app;
    const cells = await oldCells(this.dataSource.manager, person.appId, deletedBefore);
    for (let at = 0; at < cells.length; at += CELLS) {
      const page = cells.slice(at, at + CELLS);
      await retried(() =>
        this.dataSource.transaction((manager) =>
          seePersonAnew(manager, manager.withRepository(this.sealing), person, page),
        ),
      );
      await alive();
    }
  }

  /** The person's row as what came later tells it; where nothing came, their number goes too. */
  private forgetPerson(person: PersonKey): Promise<void> {
    return whileNobodySeals(this.dataSource, async (manager) => {
      await rewritePerson(manager, person);
      await manager.withRepository(this.sealing).forgetNumbers(person.ownerId, [person.userKey]);
    });
  }

  /** Other people's events may carry the id as the anonymous id they had before they signed in. */
  private async forgetAlias(erasure: OpenErasure, userValue: string, alive: () => Promise<void>): Promise<void> {
    const appId = binary(erasure.appId);
    const value = Buffer.from(userValue);
    for (let after: Buffer = FIRST_ID; after !== LAST_ID;) {
      const [last]: { id: Buffer }[] = await this.dataSource.query(PAGE_END, [appId, after, PAGE - 1]);
      const until = last?.id ?? LAST_ID;
      const from = after;
      await retried(() => this.dataSource.query(FORGET_ALIAS, [appId, from, until, value, erasure.requestedAt]));
      await alive();
      after = until;
    }
  }

  private async eraseDeadLetters(
    erasure: OpenErasure,
    userKeys: readonly string[],
    alive: () => Promise<void>,
  ): Promise<void> {
    const appId = binary(erasure.appId);
    const meant = new Map(userKeys.map((key) => [key, erasure.requestedAt.getTime()]));
    for (let after: Buffer | undefined = FIRST_ID; after;) {
      const letters: { id: Buffer; envelope: Buffer }[] = await this.dataSource.query(LETTERS, [appId, after, PAGE]);
      const read = letters.map(({ id, envelope }) => ({
        id,
        text: envelope.toString(),
        people: peopleOf(envelope.toString()),
      }));
      const theirs = read.filter(({ people }) => isOwn(people, meant)).map(({ id }) => id);
      // Somebody else's: the letter stays, without the id.
      for (const { id, text, people } of read) {
        if (isOwn(people, meant) || !isNamed(people, meant)) continue;
        await retried(() => this.dataSource.query(REWRITE_LETTER, [withoutAlias(text), id]));
      }
      if (theirs.length > 0) {
        await retried(() => this.dataSource.query(DELETE_LETTERS, [nonEmpty(theirs)]));
        await this.erasures.add(erasure.id, theirs.length);
      }
      await alive();
      after = letters.length === PAGE ? letters.at(-1)!.id : undefined;
    }
  }
}

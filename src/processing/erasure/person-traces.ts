import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { binary, nonEmpty } from '../../database/binary.js';
import { isNamed, isOwn, peopleOf, userKeysOf, withoutAlias } from '../../events/person.js';
import { sqlTime } from '../repositories/bulk.js';
import { retried } from '../../database/retried.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';

/** Events looked at in one statement. */
const EVENTS = 5000;
/** Dead letters looked at in one statement: each may hold as much as an event may. */
const LETTERS = 200;

const PAGE_END = 'SELECT id FROM events WHERE app_id = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?';
const NAMED = `SELECT id, anonymous_id AS alias FROM events
WHERE app_id = ? AND id > ? AND id <= ? AND anonymous_id IN (?) AND user_id IS NOT NULL`;
const FORGET_ALIAS = `UPDATE events SET anonymous_id = NULL
WHERE app_id = ? AND id IN (?) AND anonymous_id = ? AND user_id IS NOT NULL AND received_at <= ?`;
const LETTER_PAGE = `SELECT id, envelope, created_at AS createdAt FROM dead_letters
WHERE app_id = ? AND created_at >= ? AND (created_at > ? OR id > ?) ORDER BY created_at, id LIMIT ?`;
const REWRITE_LETTER = 'UPDATE dead_letters SET envelope = ? WHERE id = ?';
const DELETE_LETTERS = 'DELETE FROM dead_letters WHERE id IN (?)';

const FIRST_ID = Buffer.alloc(16);
const LAST_ID = Buffer.alloc(16, 0xff);

interface Letter {
  id: Buffer;
  envelope: Buffer;
  createdAt: Date;
}

/**
 * Takes away what is left of people beside others: what no index finds. It walks an app's events and dead letters once
 * for all people of the app who are being erased.
 */
@Injectable()
export class PersonTraces {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
  ) {}

  /**
   * Other people's events may carry an id as the anonymous id that they had before they signed in. Yields between pages.
   * @param orders people of one app
   */
  async *forgetAliases(orders: readonly OpenErasure[]): AsyncGenerator<void, void> {
    if (orders.length === 0) return;
    const appId = binary(orders[0]!.appId);
    const byValue = new Map(orders.map((order) => [order.userValue!, order]));
    const values = [...byValue.keys()].map((value) => Buffer.from(value));
    for (let after: Buffer = FIRST_ID; after !== LAST_ID;) {
      const [last]: { id: Buffer }[] = await this.dataSource.query(PAGE_END, [appId, after, EVENTS - 1]);
      const until = last?.id ?? LAST_ID;
      // Without locks: what was received before the orders is committed, and other events are not meant.
      const named: { id: Buffer; alias: Buffer }[] = await this.dataSource.query(NAMED, [
        appId,
        after,
        until,
        nonEmpty(values),
      ]);
      for (const [value, ids] of groupByAlias(named)) {
        const receivedUntil = sqlTime(byValue.get(value)!.requestedAt.getTime());
        await retried(() =>
          this.dataSource.query(FORGET_ALIAS, [appId, nonEmpty(ids), Buffer.from(value), receivedUntil]),
        );
      }
      yield;
      after = until;
    }
  }

  /** Deletes people's dead letters, and takes their ids out of other people's. Yields between pages. */
  async *eraseDeadLetters(orders: readonly OpenErasure[]): AsyncGenerator<void, void> {
    if (orders.length === 0) return;
    const appId = binary(orders[0]!.appId);
    const orderOf = new Map(orders.flatMap((order) => userKeysOf(order.userValue!).map((key) => [key, order])));
    const meant = { get: (key: string) => orderOf.get(key)?.requestedAt.getTime() };
    let from: Pick<Letter, 'createdAt' | 'id'> = { createdAt: new Date(0), id: FIRST_ID };
    for (let letters: Letter[], more = true; more; more = letters.length === LETTERS) {
      const time = sqlTime(from.createdAt.getTime());
      letters = await this.dataSource.query(LETTER_PAGE, [appId, time, time, from.id, LETTERS]);
      const deleted = new Map<string, Buffer[]>();
      for (const { id, envelope } of letters) {
        const text = envelope.toString();
        const people = peopleOf(text);
        if (isOwn(people, meant)) {
          const { id: order } = orderOf.get(people.own.find((key) => people.receivedAt <= (meant.get(key) ?? -1))!)!;
          deleted.set(order, [...(deleted.get(order) ?? []), id]);
        } else if (isNamed(people, meant)) {
          // Somebody else's: the letter stays, without the id.
          await retried(() => this.dataSource.query(REWRITE_LETTER, [withoutAlias(text), id]));
        }
      }
      for (const [order, ids] of deleted) {
        await retried(() => this.dataSource.query(DELETE_LETTERS, [nonEmpty(ids)]));
        await this.erasures.add(order, ids.length);
      }
      yield;
      from = letters.at(-1) ?? from;
    }
  }
}

function groupByAlias(rows: readonly { id: Buffer; alias: Buffer }[]): Map<string, Buffer[]> {
  const ids = new Map<string, Buffer[]>();
  for (const { id, alias } of rows) {
    const value = alias.toString();
    const same = ids.get(value);
    if (same) same.push(id);
    else ids.set(value, [id]);
  }
  return ids;
}

import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { binary, nonEmpty } from '../../database/binary.js';
import { retried } from '../../database/retried.js';
import { SealingRepository } from '../sealing/sealing.repository.js';
import { whileNobodySeals } from '../sealing/while-nobody-seals.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';

const AT_ONCE = 5000;
const DELETE_EVENTS = `DELETE FROM events WHERE app_id = ? ORDER BY id LIMIT ${AT_ONCE}`;
/** In the order of each primary key, so that a row is never met twice. */
const DELETE_OTHERS = [
  `DELETE FROM event_summary WHERE app_id = ? ORDER BY event, quarter, device LIMIT ${AT_ONCE}`,
  `DELETE FROM event_summary_days WHERE app_id = ? ORDER BY event, day, device LIMIT ${AT_ONCE}`,
  `DELETE FROM event_user_batches WHERE app_id = ? ORDER BY event, day, batch_id LIMIT ${AT_ONCE}`,
  `DELETE FROM event_users WHERE app_id = ? ORDER BY event, day LIMIT ${AT_ONCE}`,
  `DELETE FROM dead_letters WHERE app_id = ? LIMIT ${AT_ONCE}`,
];

/** Of each it is asked whether another app of the owner knows them. */
const PEOPLE_AT_ONCE = 500;
const PEOPLE = `SELECT user_key AS userKey FROM user_analytics WHERE app_id = ? ORDER BY user_key LIMIT ${PEOPLE_AT_ONCE}`;
const DELETE_PEOPLE = 'DELETE FROM user_analytics WHERE app_id = ? AND user_key IN (?)';

/** Deletes everything that was stored for a deleted app. Workers store nothing more for it. */
@Injectable()
export class AppEraser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly sealing: SealingRepository,
  ) {}

  /** Yields between transactions. Beginning again after a crash deletes what is left. */
  async *erase({ id, appId, ownerId }: OpenErasure): AsyncGenerator<void, void> {
    const app = binary(appId);
    // First people with their numbers, under the sealing lock: whoever sealed this app's cells before has then ended.
    while ((await this.deletePeople(app, binary(ownerId))) === PEOPLE_AT_ONCE) yield;
    yield;
    for (const sql of DELETE_OTHERS) {
      while ((await this.delete(sql, app)) === AT_ONCE) yield;
      yield;
    }
    let deleted: number;
    do {
      deleted = await this.delete(DELETE_EVENTS, app);
      if (deleted > 0) await this.erasures.add(id, deleted);
      yield;
    } while (deleted === AT_ONCE);
  }

  private deletePeople(appId: Buffer, ownerId: Buffer): Promise<number> {
    return whileNobodySeals(this.dataSource, async (manager) => {
      const people: { userKey: Buffer }[] = await manager.query(PEOPLE, [appId]);
      if (people.length === 0) return 0;
      const keys = people.map(({ userKey }) => userKey);
      await manager.query(DELETE_PEOPLE, [appId, nonEmpty(keys)]);
      await manager.withRepository(this.sealing).forgetNumbers(ownerId, keys);
      return keys.length;
    });
  }

  private async delete(sql: string, appId: Buffer): Promise<number> {
    const { affectedRows } = await retried<{ affectedRows: number }>(() => this.dataSource.query(sql, [appId]));
    return affectedRows;
  }
}

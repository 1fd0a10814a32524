import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { binary } from '../../database/binary.js';
import { retried } from '../../database/retried.js';
import { OldUserTables } from '../old-user-tables/old-user-tables.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';

const AT_ONCE = 5000;
const DELETE_EVENTS = `DELETE FROM events WHERE app_id = ? ORDER BY id LIMIT ${AT_ONCE}`;
/** In the order of each primary key, so that a row is never met twice. */
const DELETE_OTHERS = [
  `DELETE FROM event_summary WHERE app_id = ? ORDER BY event, quarter, device LIMIT ${AT_ONCE}`,
  `DELETE FROM user_analytics WHERE app_id = ? ORDER BY user_key LIMIT ${AT_ONCE}`,
  `DELETE FROM archived_users WHERE app_id = ? ORDER BY day, event, user_key LIMIT ${AT_ONCE}`,
  `DELETE FROM dead_letters WHERE app_id = ? LIMIT ${AT_ONCE}`,
];

/** Deletes everything that was stored for a deleted app. Workers store nothing more for it. */
@Injectable()
export class AppEraser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly oldTables: OldUserTables,
  ) {}

  /** Yields between transactions. Beginning again after a crash deletes what is left. */
  async *erase({ id, appId }: OpenErasure): AsyncGenerator<void, void> {
    const app = binary(appId);
    await this.oldTables.forgetApp(app);
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

  private async delete(sql: string, appId: Buffer): Promise<number> {
    const { affectedRows } = await retried<{ affectedRows: number }>(() => this.dataSource.query(sql, [appId]));
    return affectedRows;
  }
}

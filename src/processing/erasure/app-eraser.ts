import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { binary } from '../repositories/bulk.js';
import { retried } from '../retried.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';

const AT_ONCE = 5000;
const DELETE_EVENTS = `DELETE FROM events WHERE app_id = ? ORDER BY id LIMIT ${AT_ONCE}`;
/** In the order of each primary key, so that a row is never met twice. */
const DELETE_OTHERS = [
  `DELETE FROM event_summary WHERE app_id = ? ORDER BY event, quarter, device LIMIT ${AT_ONCE}`,
  `DELETE FROM event_users WHERE app_id = ? ORDER BY event, day, user_key LIMIT ${AT_ONCE}`,
  `DELETE FROM user_analytics WHERE app_id = ? ORDER BY user_key LIMIT ${AT_ONCE}`,
  `DELETE FROM dead_letters WHERE app_id = ? LIMIT ${AT_ONCE}`,
];

/** Deletes everything that was stored for a deleted app. Workers store nothing more for it. */
@Injectable()
export class AppEraser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
  ) {}

  /** @param alive called between transactions */
  async erase({ id, appId }: OpenErasure, alive: () => Promise<void>): Promise<void> {
    const app = binary(appId);
    for (const sql of DELETE_OTHERS) {
      while ((await this.delete(sql, app)) === AT_ONCE) await alive();
    }
    let deleted: number;
    do {
      deleted = await this.delete(DELETE_EVENTS, app);
      await this.erasures.add(id, deleted);
      await alive();
    } while (deleted === AT_ONCE);
  }

  private async delete(sql: string, appId: Buffer): Promise<number> {
    const { affectedRows } = await retried<{ affectedRows: number }>(() => this.dataSource.query(sql, [appId]));
    return affectedRows;
  }
}

import { Injectable } from '@nestjs/common';
import { type EntityManager, IsNull } from 'typeorm';
import { AppError } from '../common/app-error.js';
import { Erasure } from '../database/entities/index.js';
import { uuidV7 } from '../events/event-id.js';

/** Waits for the chunks that are being stored, which hold the row shared: what they store is there to be deleted. */
const LOCK_APP = 'SELECT id FROM apps WHERE id = ? FOR UPDATE';
const OPEN = 'SELECT COUNT(*) AS n FROM erasures WHERE owner_id = ? AND finished_at IS NULL';

/** People of an account who may wait to be erased at one time: each is looked at by every chunk of their app. */
export const OPEN_ERASURES_MAX = 1000;

/** Whom or what to erase. Ids are 32 hex digits. */
export type ErasureOrder = { appId: string; ownerId: string } & (
  { subject: 'app' } | { subject: 'person'; userValue: string }
);

/** Gives the order to erase a person or an app. Workers carry it out. */
@Injectable()
export class ErasureOrders {
  /**
   * From the commit of the caller's transaction on, workers pass over what was received until now. The order for somebody
   * who is being erased already begins that erasure anew.
   * @throws AppError 429 when too many people are waiting to be erased
   */
  async give(manager: EntityManager, order: ErasureOrder): Promise<Erasure> {
    const { appId, ownerId, subject } = order;
    const userValue = order.subject === 'person' ? order.userValue : null;
    await manager.query(LOCK_APP, [Buffer.from(appId, 'hex')]);
    const now = new Date();
    if (order.subject === 'person') {
      const same = await manager.findOneBy(Erasure, {
        ...{ appId, subject: order.subject, userValue: order.userValue },
        finishedAt: IsNull(),
      });
      const again = { requestedAt: now, stage: 'rows' } as const;
      // It may be finished this very moment: then it is a new order.
      const begun = same && (await manager.update(Erasure, { id: same.id, finishedAt: IsNull() }, again));
      if (same && begun?.affected) return { ...same, ...again };
      await this.assertRoom(manager, ownerId);
    }
    const erasure = manager.create(Erasure, {
      ...{ appId, ownerId, subject, userValue, requestedAt: now },
      ...{ id: uuidV7(now.getTime()), stage: 'rows', eventsErased: 0, redisFile: null, finishedAt: null },
    });
    await manager.insert(Erasure, erasure);
    return erasure;
  }

  private async assertRoom(manager: EntityManager, ownerId: string): Promise<void> {
    const [open]: { n: string | number }[] = await manager.query(OPEN, [Buffer.from(ownerId, 'hex')]);
    if (Number(open!.n) < OPEN_ERASURES_MAX) return;
    const detail = `${OPEN_ERASURES_MAX} people of your apps are being erased. Order this erasure again when some are done.`;
    throw new AppError(429, 'too_many_erasures', detail, { headers: { 'retry-after': '60' } });
  }
}

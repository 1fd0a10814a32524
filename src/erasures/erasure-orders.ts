import { Injectable } from '@nestjs/common';
import { type EntityManager, IsNull } from 'typeorm';
import { AppError } from '../common/app-error.js';
import { holdAccount } from '../database/account-lock.js';
import { binary } from '../database/binary.js';
import { Erasure } from '../database/entities/index.js';
import { uuidV7 } from '../events/event-id.js';

/** Waits for the chunks that are being stored, which hold the row shared: what they store is there to be deleted. */
const LOCK_APP = 'SELECT id FROM apps WHERE id = ? FOR UPDATE';
const OPEN = 'SELECT COUNT(*) AS n FROM erasures WHERE owner_id = ? AND subject = ? AND finished_at IS NULL';

/** People of an account who may wait to be erased at one time, and likewise apps: every chunk of an app looks at each of its people. */
export const OPEN_ERASURES_MAX = 1000;

/** Whom or what to erase. Ids are 32 hex digits. */
export type ErasureOrder = { appId: string; ownerId: string } & (
  { subject: 'app' } | { subject: 'person'; userValue: string }
);

/** Gives the order to erase a person or an app. Workers carry it out. */
@Injectable()
export class ErasureOrders {
  /**
   * From the commit of the caller's transaction on, workers pass over what was received until now. An order for a person
   * or an app that is being erased already begins that erasure anew.
   * @throws AppError 429 `too_many_erasures` while too many people, or apps, of the account wait to be erased
   * @throws UnauthorizedError when the account was deleted meanwhile
   */
  async give(manager: EntityManager, order: ErasureOrder): Promise<Erasure> {
    // Of several at once only as many are given as there is room for.
    await holdAccount(manager, order.ownerId);
    return this.put(manager, order, () => this.assertRoom(manager, order));
  }

  /** As {@link give}, in the transaction that deletes the account, and however many wait: a deletion is never refused. */
  giveWithAccount(manager: EntityManager, order: ErasureOrder): Promise<Erasure> {
    return this.put(manager, order, () => Promise.resolve());
  }

  private async put(manager: EntityManager, order: ErasureOrder, assertRoom: () => Promise<void>): Promise<Erasure> {
    const { appId, ownerId, subject } = order;
    const userValue = order.subject === 'person' ? order.userValue : null;
    await manager.query(LOCK_APP, [binary(appId)]);
    const now = new Date();
    const same = await manager.findOneBy(Erasure, {
      ...{ appId, subject },
      userValue: userValue ?? IsNull(),
      finishedAt: IsNull(),
    });
    const again = { requestedAt: now, stage: 'rows' } as const;
    // It may be finished this very moment: then it is a new order.
    const begun = same && (await manager.update(Erasure, { id: same.id, finishedAt: IsNull() }, again));
    if (same && begun?.affected) return { ...same, ...again };
    await assertRoom();
    const erasure = manager.create(Erasure, {
      ...{ appId, ownerId, subject, userValue, requestedAt: now },
      ...{ id: uuidV7(now.getTime()), stage: 'rows', eventsErased: 0, redisFile: null, finishedAt: null },
    });
    await manager.insert(Erasure, erasure);
    return erasure;
  }

  private async assertRoom(manager: EntityManager, { ownerId, subject }: ErasureOrder): Promise<void> {
    const [open]: { n: string | number }[] = await manager.query(OPEN, [binary(ownerId), subject]);
    if (Number(open!.n) < OPEN_ERASURES_MAX) return;
    const waiting = `${OPEN_ERASURES_MAX.toLocaleString('en')} ${subject === 'app' ? 'of your apps' : 'people of your apps'}`;
    const detail = `${waiting} are waiting to be erased, and an account may have no more. Send this request again when some are done.`;
    throw new AppError(429, 'too_many_erasures', detail, { headers: { 'retry-after': '60' } });
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Erasure } from '../database/entities/index.js';
import type { ErasureSubject } from '../database/entities/erasure.entity.js';
import { uuidV7 } from '../events/event-id.js';

/** Waits for the chunks that are being stored, which hold the row shared: what they store is there to be deleted. */
const LOCK_APP = 'SELECT id FROM apps WHERE id = ? FOR UPDATE';

/** Gives the order to erase a person or an app. Workers carry it out. */
@Injectable()
export class ErasureOrders {
  /**
   * From the commit of the caller's transaction on, workers pass over what was received until now.
   * @param order ids 32 hex digits; `userValue` for a person
   */
  async give(
    manager: EntityManager,
    order: { appId: string; ownerId: string; subject: ErasureSubject; userValue?: string },
  ): Promise<Erasure> {
    await manager.query(LOCK_APP, [Buffer.from(order.appId, 'hex')]);
    const now = new Date();
    const erasure = manager.create(Erasure, {
      ...order,
      userValue: order.userValue ?? null,
      id: uuidV7(now.getTime()),
      requestedAt: now,
      stage: 'rows',
      eventsErased: 0,
      redisFile: null,
      finishedAt: null,
    });
    await manager.insert(Erasure, erasure);
    return erasure;
  }
}

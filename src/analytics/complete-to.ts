import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { BacklogReader } from '../buffer/backlog.js';
import { OutboxRepository } from '../read-model/outbox/outbox.repository.js';
import type { AskedApp } from './analytics-scope.js';
import { lastCommit } from './queries/last-commit.js';

/** Up to when an answer about an account's apps is complete. */
@Injectable()
export class CompleteTo {
  constructor(
    private readonly backlog: BacklogReader,
    private readonly outbox: OutboxRepository,
  ) {}

  /**
   * Ask it before MySQL, so that what was accepted before it is certainly in the answer: the receipt of the oldest event
   * of the account on its way, or now when there is none. What other accounts have on their way does not matter. While Redis
   * is away, or that event cannot be dated: the last commit.
   * @param apps of one account
   */
  async time(manager: EntityManager, apps: readonly AskedApp[]): Promise<Date> {
    const now = new Date();
    const [app] = apps;
    if (!app) return now;
    const oldest = await this.backlog.oldestOf([app.ownerId]).catch(() => 0);
    if (oldest === 0) return (await lastCommit(manager)) ?? now;
    return oldest === undefined ? now : new Date(Math.min(oldest, now.getTime()));
  }

  /**
   * The same for an answer of ClickHouse, which must be asked afterwards: what is committed and not copied yet is not in it
   * either. The outbox is read after the buffer, since an event leaves the buffer once it is in the outbox.
   */
  async copiedTime(manager: EntityManager, apps: readonly AskedApp[]): Promise<Date> {
    const committed = await this.time(manager, apps);
    const uncopied = await manager.withRepository(this.outbox).oldestReceipt();
    return uncopied !== undefined && uncopied < committed ? uncopied : committed;
  }
}

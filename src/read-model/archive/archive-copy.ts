import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { withNamedLock } from '../../database/named-lock.js';
import { formatUuid } from '../../events/event-id.js';
import { ARCHIVED_USERS } from '../copy-targets.js';
import { ReadModelConnection } from '../read-model-connection.js';
import { ReadModelStore } from '../read-model-store.js';
import { textField, uint128Field } from '../schema/tab-separated.js';
import { ArchiveRepository, type ArchiveRow, type WaitingDay } from './archive.repository.js';
import { ArchiveRepair } from './archive-repair.js';

const EVERY_MS = 1000;
/** Days copied together. */
const DAYS_AT_ONCE = 100;
/** An insert ends at so many rows, of about 90 bytes beside the name, or at so many bytes of names. */
const INSERT_ROWS = 25_000;
const INSERT_NAME_BYTES = 6 * 1024 * 1024;

/**
 * Copies archived users into ClickHouse. A day that changed is copied whole. A row may be sent any number of times, so a copy
 * whose outcome is unknown is repeated. One worker copies at a time.
 */
@Injectable()
export class ArchiveCopy implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    private readonly archive: ArchiveRepository,
    private readonly connection: ReadModelConnection,
    private readonly store: ReadModelStore,
    private readonly repair: ArchiveRepair,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'archive-copy',
      intervalMs: EVERY_MS,
      run: (signal) => this.run(signal),
      logger,
      failure: 'Archived users could not be copied into ClickHouse; it is tried again',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async run(signal: AbortSignal): Promise<void> {
    if (!(await this.archive.oldest()) || !(await this.connection.isReachable())) return;
    await withNamedLock(this.dataSource, 'archive-copy', 0, async (runner) => {
      let users = 0;
      for (;;) {
        const days = await this.archive.nextDays(DAYS_AT_ONCE);
        if (days.length === 0) break;
        users += await this.copy(days, async () => {
          signal.throwIfAborted();
          // The lock is this session's, and idle sessions are ended.
          await runner.query('DO 0');
        });
      }
      this.logger.info({ users }, 'Copied archived users into ClickHouse');
    });
  }

  /** @returns how many rows were sent */
  private async copy(days: readonly WaitingDay[], alive: () => Promise<void>): Promise<number> {
    let [lines, nameBytes, sent]: [string[][], number, number] = [[], 0, 0];
    const send = async (): Promise<void> => {
      await this.store.insertFields(ARCHIVED_USERS, lines);
      [lines, nameBytes, sent] = [[], 0, sent + lines.length];
      await alive();
    };
    for (const { appId, day } of days) {
      for await (const page of this.archive.ofDay(appId, day)) {
        for (const row of page) {
          lines.push(fieldsOf(row));
          nameBytes += row.event.length;
          if (lines.length >= INSERT_ROWS || nameBytes >= INSERT_NAME_BYTES) await send();
        }
      }
    }
    await send();
    let isTaken = false;
    for (const day of days) isTaken = (await this.archive.noteCopied(day)) === 'taken' || isTaken;
    // Another process copied a day while this one was held up. What was erased in between must not come back.
    if (isTaken) await this.repair.repair();
    return sent;
  }
}

function fieldsOf({ appId, day, event, userKey, quarters }: ArchiveRow): string[] {
  const [quarters0, quarters1] = quarters.map(String) as [string, string];
  const app = formatUuid(appId.toString('hex'));
  return [app, String(day), textField(event.toString()), uint128Field(userKey.toString('hex')), quarters0, quarters1];
}

import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { withNamedLock } from '../../database/named-lock.js';
import { retried } from '../../database/retried.js';
import { DAY_MS } from '../../events/limits.js';
import { ArchiveRepository, OLD_USER_TABLES } from '../../read-model/archive/archive.repository.js';
import { archiveRows, type Sighting } from '../archive-rows.js';
import { batchSightings, sealedSightings } from './old-sightings.js';
import {
  type Batch,
  type Cell,
  type Days,
  type ExpiredApp,
  OldUserTablesRepository,
} from './old-user-tables.repository.js';

const EVERY_MS = 1000;
const CELLS_AT_ONCE = 200;
const BATCHES_AT_ONCE = 100;
const ROWS_AT_ONCE = 5000;

/** The users of expired days are not archived from the earlier tables yet. The erasure is tried again. */
export class OldUserTablesNotArchivedError extends Error {
  override readonly name = 'OldUserTablesNotArchivedError';

  constructor() {
    super('The earlier tables of distinct users are being archived; erasures wait for that');
  }
}

/**
 * Archives and drops the tables in which releases up to 0.2 kept distinct users: event_users, event_user_batches, user_numbers with its
 * counter, and event_summary_days. First it archives the users of days whose events have expired; users of other days are known
 * from their events. It drops the tables once ClickHouse has every event and the whole archive, and both were compared with MySQL. Where
 * there is no ClickHouse they stay.
 */
@Injectable()
export class OldUserTables implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  private isGone = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OldUserTablesRepository,
    private readonly archive: ArchiveRepository,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'old-user-tables',
      intervalMs: EVERY_MS,
      run: (signal) => this.run(signal),
      logger,
      failure: 'The earlier tables of distinct users could not be archived; it is tried again',
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    this.isGone = (await this.tables.state()).stage === OLD_USER_TABLES.gone;
    if (this.isGone) return;
    void this.task.runNow();
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  /**
   * Removes people of one app from the tables, if the tables still exist.
   * @throws OldUserTablesNotArchivedError
   */
  async forgetPeople(appId: Buffer, ownerId: Buffer, userKeys: readonly Buffer[]): Promise<void> {
    if ((await this.stage()) === OLD_USER_TABLES.gone) return;
    while (await retried(() => this.tables.forgetPeople(appId, ownerId, userKeys, ROWS_AT_ONCE)));
  }

  /** Deletes an app's rows from the tables, if the tables still exist. @throws OldUserTablesNotArchivedError */
  async forgetApp(appId: Buffer): Promise<void> {
    if ((await this.stage()) === OLD_USER_TABLES.gone) return;
    while (await retried(() => this.tables.forgetApp(appId, ROWS_AT_ONCE)));
  }

  private async stage(): Promise<number> {
    if (this.isGone) return OLD_USER_TABLES.gone;
    const { stage } = await this.tables.state();
    if (stage === OLD_USER_TABLES.toArchive) throw new OldUserTablesNotArchivedError();
    return stage;
  }

  private async run(signal: AbortSignal): Promise<void> {
    if (this.isGone) return;
    const { stage, isCopied } = await this.tables.state();
    this.isGone = stage === OLD_USER_TABLES.gone;
    if (this.isGone || (stage === OLD_USER_TABLES.archived && !isCopied)) return;
    await withNamedLock(this.dataSource, 'old-user-tables', 0, async (runner) => {
      const alive = async (): Promise<void> => {
        signal.throwIfAborted();
        // The lock is this session's, and idle sessions are ended.
        await runner.query('DO 0');
      };
      // Again before the drop: a worker of an earlier release may have deleted expired events during the migration.
      await this.archiveAll(alive);
      if (stage === OLD_USER_TABLES.toArchive) {
        await this.tables.enter(OLD_USER_TABLES.archived);
        this.logger.info({ notice: true }, 'The distinct users of expired days are archived');
        return;
      }
      if (!(await this.tables.state()).isCopied) return;
      await this.tables.drop();
      await this.tables.enter(OLD_USER_TABLES.gone);
      this.logger.info(
        { notice: true },
        'The earlier tables of distinct users are dropped: ClickHouse has what they had',
      );
    });
  }

  private async archiveAll(alive: () => Promise<void>): Promise<void> {
    for (const app of await this.tables.expiredApps()) {
      const last = Math.floor(app.deletedBefore.getTime() / DAY_MS);
      const days = { first: app.rollups === 'drop' ? last : 0, last };
      for (let cell: Cell | undefined, more = true; more;) {
        const cells = await this.tables.cells(app.appId, days, cell, CELLS_AT_ONCE);
        for (const one of cells) {
          await this.transact(app, (manager) => this.archiveCell(manager, app, one));
          await alive();
        }
        [cell, more] = [cells.at(-1), cells.length === CELLS_AT_ONCE];
      }
      await this.archiveBatches(app, days, alive);
    }
  }

  private async archiveCell(manager: EntityManager, { appId, ownerId }: ExpiredApp, cell: Cell): Promise<void> {
    const tables = manager.withRepository(this.tables);
    const sealed = await tables.sealed(appId, cell);
    if (!sealed) return;
    const sightings = sealedSightings(sealed);
    const keyOf = await tables.userKeys(ownerId, [...new Set(sightings.map(([number]) => number))]);
    const seen = sightings.flatMap(([number, quarter]): Sighting[] => {
      const userKey = keyOf.get(number);
      return userKey ? [{ ...cell, userKey, quarter }] : [];
    });
    await manager.withRepository(this.archive).add(archiveRows(appId, seen));
  }

  private async archiveBatches(app: ExpiredApp, days: Days, alive: () => Promise<void>): Promise<void> {
    for (let after: Batch | undefined, more = true; more;) {
      const from = after;
      const page = await this.transact(app, async (manager) => {
        const batches = await manager.withRepository(this.tables).batches(app.appId, days, from, BATCHES_AT_ONCE);
        const seen = batches.flatMap(({ event, day, seen: packed }) =>
          batchSightings(packed).map(([userKey, quarter]) => ({ event, day, userKey, quarter })),
        );
        await manager.withRepository(this.archive).add(archiveRows(app.appId, seen));
        return batches;
      });
      [after, more] = [page?.at(-1), page?.length === BATCHES_AT_ONCE];
      await alive();
    }
  }

  /** Does nothing for an app that is being erased. */
  private transact<T>({ appId }: ExpiredApp, work: (manager: EntityManager) => Promise<T>): Promise<T | undefined> {
    return retried(() =>
      this.dataSource.transaction(async (manager) =>
        (await manager.withRepository(this.tables).isKept(appId)) ? work(manager) : undefined,
      ),
    );
  }
}

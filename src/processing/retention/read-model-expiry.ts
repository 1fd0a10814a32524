import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { TaskStoppedError } from '../../common/periodic-task.js';
import { Env } from '../../config/env.js';
import { withNamedLock } from '../../database/named-lock.js';
import { FUTURE_TOLERANCE_MS } from '../../events/limits.js';
import { ArchiveRepair } from '../../read-model/archive/archive-repair.js';
import { ArchiveRepository } from '../../read-model/archive/archive.repository.js';
import { type Alive, ReadModelDeletions } from '../../read-model/deletions/read-model-deletions.js';
import { ReadModelConnection } from '../../read-model/read-model-connection.js';

/** In microseconds, the finest unit of an interval in MySQL. */
const IS_DUE = `SELECT 1 FROM read_model WHERE id = 1 AND enabled = 1
AND (expired_at IS NULL OR expired_at <= NOW(3) - INTERVAL ? MICROSECOND)`;
const EXPIRED = 'UPDATE read_model SET expired_at = NOW(3) WHERE id = 1';
/** Deleted apps are erased as a whole. */
const FENCES = `SELECT LOWER(HEX(id)) AS appId, deleted_before AS deletedBefore FROM apps
WHERE deleted_before IS NOT NULL AND deleted_at IS NULL`;
/** An erasure of that moment is waited for. */
const LOCK_WAIT_S = 30;
const LOOK_EVERY_MS = 200;
const COPIED_WITHIN_MS = 60_000;

/**
 * Deletes expired events from the read model, after MySQL's. Rarely, since it costs one mutation whatever it deletes: questions
 * leave expired events out from the moment of the fence. Then the copy of the archive is compared with MySQL's. That also
 * deletes days whose counts are not kept.
 */
@Injectable()
export class ReadModelExpiry {
  constructor(
    private readonly dataSource: DataSource,
    private readonly connection: ReadModelConnection,
    private readonly deletions: ReadModelDeletions,
    private readonly archive: ArchiveRepository,
    private readonly repair: ArchiveRepair,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Does nothing before its time has come. A failure is logged, and the next run of retention tries again.
   * @param now ms @param alive called while it goes on
   */
  async expire(now: number, alive: Alive): Promise<void> {
    try {
      const due: unknown[] = await this.dataSource.query(IS_DUE, [this.env.copyRetentionIntervalMs * 1000]);
      if (due.length === 0 || !(await this.connection.isReachable())) return;
      if (!(await this.isArchiveCopied(alive))) return;
      await withNamedLock(this.dataSource, 'read-model-deletions', LOCK_WAIT_S, async (runner) => {
        const apps: { appId: string; deletedBefore: Date }[] = await runner.query(FENCES);
        const expired = apps.map(({ appId, deletedBefore }) => {
          const before = deletedBefore.getTime();
          // As MySQL's rows expire whose ids are of the future.
          return { appId, before, receivedBefore: Math.max(0, before - FUTURE_TOLERANCE_MS) };
        });
        const deleted = await this.deletions.expire(expired, now, async () => {
          await alive();
          await runner.query('DO 0');
        });
        await this.repair.repair();
        await runner.query(EXPIRED);
        if (deleted > 0) this.logger.info({ deleted }, 'Deleted expired events from the read model');
      });
    } catch (error) {
      if (error instanceof TaskStoppedError) throw error;
      this.logger.warn({ err: error }, 'Expired events could not be deleted from the read model; it is tried again');
    }
  }

  /** Waits until the archive is copied: until then only the events hold these users. @returns false if that takes too long */
  private async isArchiveCopied(alive: Alive): Promise<boolean> {
    for (const deadline = Date.now() + COPIED_WITHIN_MS; await this.archive.oldest();) {
      if (Date.now() > deadline) return false;
      await wait(LOOK_EVERY_MS);
      await alive();
    }
    return true;
  }
}

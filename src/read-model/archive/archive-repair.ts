import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { binary } from '../../database/binary.js';
import { formatUuid } from '../../events/event-id.js';
import { ARCHIVED_USERS } from '../copy-targets.js';
import { ReadModelStore } from '../read-model-store.js';
import { ArchiveRepository, OLD_USER_TABLES } from './archive.repository.js';
import { compareArchive, type DifferingDay } from './compare-archive.js';

/** Days of one mutation. */
const DAYS_AT_ONCE = 500;

/** Makes the copy of the archive equal to MySQL's. */
@Injectable()
export class ArchiveRepair {
  constructor(
    private readonly archive: ArchiveRepository,
    private readonly store: ReadModelStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Whether the archive is filled, copied, and equal to its copy. Days that differ are ordered to be copied again.
   * @returns false while work is left: for the copy, or for the takeover of the earlier tables
   */
  async isComplete(): Promise<boolean> {
    if ((await this.archive.oldUserTables()) === OLD_USER_TABLES.toArchive) return false;
    if (await this.archive.oldest()) return false;
    return (await this.repair()) === 0;
  }

  /**
   * Orders every day that differs to be copied again. First deletes it from the copy, unless users are only missing there.
   * @returns how many days differed
   */
  async repair(): Promise<number> {
    const differing = await compareArchive(this.archive, this.store);
    if (differing.length === 0) return 0;
    await this.deleteDays(differing.filter(({ inMysql, inClickhouse }) => inClickhouse >= inMysql));
    await this.archive.toCopy(differing.map(({ appId, day }) => [binary(appId), day]));
    this.logger.info(
      { days: differing.length },
      'Archived users of some days differ in ClickHouse; they are copied again',
    );
    return differing.length;
  }

  private async deleteDays(days: readonly DifferingDay[]): Promise<void> {
    for (let at = 0; at < days.length; at += DAYS_AT_ONCE) {
      const list = days
        .slice(at, at + DAYS_AT_ONCE)
        .map(({ appId, day }) => `(toUUID('${formatUuid(appId)}'), ${day})`);
      await this.store.patient.command({
        query: this.store.topology.mutation(ARCHIVED_USERS, `DELETE WHERE (app_id, day) IN (${list.join(', ')})`),
        clickhouse_settings: { mutations_sync: '2' },
      });
    }
  }
}

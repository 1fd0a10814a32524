import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask } from '../../common/periodic-task.js';
import { withNamedLock } from '../../database/named-lock.js';
import { userKeysOf } from '../../events/person.js';
import { REBUILD } from '../../read-model/copy-targets.js';
import { FillRepository } from '../../read-model/backfill/fill.repository.js';
import { ArchiveRepository } from '../../read-model/archive/archive.repository.js';
import { type Alive, type ErasedPerson, ReadModelDeletions } from '../../read-model/deletions/read-model-deletions.js';
import { OutboxRepository } from '../../read-model/outbox/outbox.repository.js';
import { ReadModelConnection } from '../../read-model/read-model-connection.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';

const EVERY_MS = 500;
/** After ClickHouse could not carry an erasure out. */
const RETRY_MS = 5000;
/** Of all accounts, in one mutation. */
const ORDERS_AT_ONCE = 5000;
const NOW = 'SELECT NOW(3) AS now';

interface FirstSeen {
  /** By MySQL's clock. */
  at: Date;
  /** Where the filling of the read model was. */
  filledTo: string;
}

/**
 * The last stage of erasures: takes people and apps out of the read model. All that wait go by one mutation, since it costs
 * the same for one person as for a thousand. It has a lock of its own, so that a ClickHouse that is slow or down holds up no
 * other stage.
 *
 * What was received before an order was committed before it. Such a batch may still have to be copied: so an order waits
 * until the outbox holds nothing that was committed before it came to this stage, and neither does the outbox of the archive. While the read model is being filled, the
 * piece under way may have been read from MySQL before its rows were deleted: so an order waits for its end.
 */
@Injectable()
export class ReadModelEraser implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  private pausedUntil = 0;
  /** How things stood when an order was first seen at this stage; by {@link nameOf}. */
  private seen = new Map<string, FirstSeen>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly outbox: OutboxRepository,
    private readonly archive: ArchiveRepository,
    private readonly fills: FillRepository,
    private readonly connection: ReadModelConnection,
    private readonly deletions: ReadModelDeletions,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'read-model-erasures',
      intervalMs: EVERY_MS,
      run: (signal) => this.look(signal),
      logger,
      failure: 'Erasures could not be carried out in ClickHouse; they are tried again',
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async look(signal: AbortSignal): Promise<void> {
    if (Date.now() < this.pausedUntil) return;
    const copied = await this.copied(await this.erasures.inReadModel(ORDERS_AT_ONCE));
    if (copied.length === 0 || !(await this.connection.isReachable())) return;
    try {
      await withNamedLock(this.dataSource, 'read-model-deletions', 0, (runner) =>
        this.erase(copied, async () => {
          signal.throwIfAborted();
          // The lock is this session's, and idle sessions are ended.
          await runner.query('DO 0');
        }),
      );
    } catch (error) {
      this.pausedUntil = Date.now() + RETRY_MS;
      throw error;
    }
  }

  /** Those of the orders whose events can no longer be on their way into the read model. */
  private async copied(orders: readonly OpenErasure[]): Promise<OpenErasure[]> {
    if (orders.length === 0) {
      this.seen.clear();
      return [];
    }
    const [clock]: { now: Date }[] = await this.dataSource.query(NOW);
    const { completeAt, rebuildStage, cursor } = await this.fills.state();
    const isFilling = completeAt === null || rebuildStage !== REBUILD.none;
    const now = { at: clock!.now, filledTo: cursor ? cursor.app + cursor.id : '' };
    this.seen = new Map(orders.map((order) => [nameOf(order), this.seen.get(nameOf(order)) ?? now]));
    const [oldest, archived] = [await this.outbox.oldestCommit(), await this.archive.oldest()];
    const isBefore = (at: Date, copied: Date | undefined): boolean => copied === undefined || at < copied;
    return orders.filter((order) => {
      const { at, filledTo } = this.seen.get(nameOf(order))!;
      return isBefore(at, oldest) && isBefore(at, archived) && (!isFilling || filledTo !== now.filledTo);
    });
  }

  private async erase(orders: readonly OpenErasure[], alive: Alive): Promise<void> {
    const people = orders.filter(({ subject }) => subject === 'person').map(erasedPerson);
    const apps = orders.filter(({ subject }) => subject === 'app').map(({ appId }) => appId);
    await this.deletions.erase(people, apps, alive);
    await alive();
    await this.erasures.finishInReadModel(orders, Date.now());
    for (const { id, subject } of orders) this.logger.info({ erasure: id, subject, readModel: true }, 'Erased');
  }
}

/** An order that was given again is another one. */
function nameOf({ id, requestedAt }: OpenErasure): string {
  return `${id} ${requestedAt.getTime()}`;
}

function erasedPerson({ appId, userValue, requestedAt }: OpenErasure): ErasedPerson {
  return { appId, userKeys: userKeysOf(userValue!), receivedUntil: requestedAt.getTime() };
}

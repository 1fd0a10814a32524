import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { BacklogReader } from '../../buffer/backlog.js';
import type { RedisFile } from '../../database/entities/index.js';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask, TaskStoppedError } from '../../common/periodic-task.js';
import { withNamedLock } from '../../database/named-lock.js';
import { AppEraser } from './app-eraser.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';
import { FairTurns, type Lane } from './fair-turns.js';
import { PersonEraser } from './person-eraser.js';
import { RedisFiles } from './redis-file.js';

const EVERY_MS = 1000;
/** An account is served at least this long before it is another's turn: at least one transaction. */
const TURN_MS = 100;
/** After an erasure failed, before it is tried again. */
const RETRY_MS = 5000;
/** Between two looks for erasures that can be finished. */
const FINISH_EVERY_MS = 250;
/** After Redis could not rewrite its files. */
const REWRITE_PAUSE_MS = 10_000;
/** Rewriting its files costs Redis as much as all its memory is large: it rests this many times as long as that took. */
const REWRITE_REST = 4;
/** An event is received before it is in the buffer, at most this long: the time that a push may take, and to spare. */
const ON_ITS_WAY_MS = 3000;

/** Deletes the rows of an app's orders; yields between transactions. */
type Pass = AsyncGenerator<void, void>;

/**
 * Carries out erasures. An order is a tombstone from its commit on: no chunk stores what was received before it. So rows
 * are deleted once; then nothing received before may be pending any more; then Redis rewrites its file; then, where there is
 * a read model, {@link ReadModelEraser} deletes its rows; and only then the tombstone goes. Each stage may be repeated after
 * a crash.
 *
 * One worker at a time does it. Accounts share its time, one transaction at a time (ADR 15): an account with many orders,
 * or with many events, delays nobody else's order. Orders are finished while rows of others are still being deleted.
 */
@Injectable()
export class Eraser implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  private finishing?: Promise<void>;
  private finishAgainAt = 0;
  private rewriteAgainAt = 0;
  /** By app id: until when (ms) an app is left alone because its erasure failed. */
  private readonly pausedUntil = new Map<string, number>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly people: PersonEraser,
    private readonly apps: AppEraser,
    private readonly files: RedisFiles,
    private readonly backlog: BacklogReader,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'erasures',
      intervalMs: EVERY_MS,
      run: (signal) => this.look(signal),
      logger,
      failure: 'Erasures could not go on; they are tried again',
      keepsProcessAlive: true,
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  private async look(signal: AbortSignal): Promise<void> {
    if (!(await this.erasures.anyOpen())) return;
    await withNamedLock(this.dataSource, 'erasures', 0, async (runner) => {
      const alive = async (): Promise<void> => {
        signal.throwIfAborted();
        // The lock is this session's, and idle sessions are ended.
        await runner.query('DO 0');
      };
      try {
        await this.deleteRows(alive);
      } finally {
        await this.finishing;
      }
    });
  }

  /** Serves accounts in turn until no order has rows left to delete. */
  private async deleteRows(alive: () => Promise<void>): Promise<void> {
    const turns = new FairTurns<Pass>();
    for (let readAt = -Infinity; ;) {
      await alive();
      if (turns.isEmpty || performance.now() - readAt >= EVERY_MS) {
        await this.addLanes(turns);
        readAt = performance.now();
      }
      this.finishInBackground(alive);
      const lane = turns.next();
      if (!lane) return;
      const begun = performance.now();
      const ended = await this.serve(lane, alive);
      turns[ended ? 'ended' : 'served'](lane, performance.now() - begun);
    }
  }

  private async addLanes(turns: FairTurns<Pass>): Promise<void> {
    const now = Date.now();
    for (const [appId, until] of this.pausedUntil) if (until <= now) this.pausedUntil.delete(appId);
    for (const { ownerId, appId } of await this.erasures.appsWithRows()) {
      if (turns.has(ownerId, appId) || this.pausedUntil.has(appId)) continue;
      turns.add({ ownerId, appId, work: this.eraseRows(appId) });
    }
  }

  /** One turn. An app whose erasure fails is tried again later, and holds no other up. @returns whether its pass ended */
  private async serve({ appId, work }: Lane<Pass>, alive: () => Promise<void>): Promise<boolean> {
    const begun = performance.now();
    try {
      do {
        if ((await work.next()).done) return true;
        await alive();
      } while (performance.now() - begun < TURN_MS);
      return false;
    } catch (error) {
      if (error instanceof TaskStoppedError) throw error;
      this.logger.warn({ err: error, app: appId }, 'An erasure could not go on; it is tried again');
      this.pausedUntil.set(appId, Date.now() + RETRY_MS);
      // Nothing can be done where the lock's session is gone.
      await alive();
      return true;
    }
  }

  /** All orders of an app together, so that its events are searched once for all of them. */
  private async *eraseRows(appId: string): Pass {
    const orders = await this.erasures.withRows(appId);
    const wholeApp = orders.find(({ subject }) => subject === 'app');
    const failed = new Set<OpenErasure>();
    // An app takes all its people along.
    if (wholeApp) yield* this.apps.erase(wholeApp);
    else {
      yield* this.people.erase(orders, (erasure, error) => {
        failed.add(erasure);
        this.logger.warn({ err: error, erasure: erasure.id }, 'An erasure could not go on; it is tried again');
      });
    }
    for (const erasure of orders) if (!failed.has(erasure)) await this.erasures.enter(erasure, 'buffer');
    if (failed.size > 0) this.pausedUntil.set(appId, Date.now() + RETRY_MS);
  }

  /** Redis may take long to rewrite its file; rows are deleted meanwhile. */
  private finishInBackground(alive: () => Promise<void>): void {
    if (this.finishing || Date.now() < this.finishAgainAt) return;
    this.finishing = this.finish(alive)
      .catch((error: unknown) => {
        if (error instanceof TaskStoppedError) return;
        this.logger.warn({ err: error }, 'Erasures could not be finished; it is tried again');
      })
      .finally(() => {
        this.finishing = undefined;
        this.finishAgainAt = Date.now() + FINISH_EVERY_MS;
      });
  }

  /** Finishes orders of which nothing is in the buffer any more: Redis rewrites its file once for all of them. */
  private async finish(alive: () => Promise<void>): Promise<void> {
    if (Date.now() < this.rewriteAgainAt) return;
    const drained: { orders: OpenErasure[]; until: number }[] = [];
    const requestedUntil = Date.now() - ON_ITS_WAY_MS;
    for (const ownerId of await this.erasures.ownersWithRowsDeleted(requestedUntil)) {
      await alive();
      const waiting = await this.erasures.withRowsDeleted(ownerId, requestedUntil);
      // Only now: what a replay put into the buffer before an order must be found there.
      const apps = new Set(waiting.map(({ appId }) => appId));
      const until = await this.drainedUntil([ownerId, ...apps]);
      const orders = waiting.filter(({ requestedAt }) => requestedAt.getTime() <= until);
      if (orders.length > 0) drained.push({ orders, until });
    }
    if (drained.length === 0) return;
    const redisFile = await this.rewritten(alive);
    if (!redisFile) return;
    const hasReadModel = await this.erasures.hasReadModel();
    for (const { orders, until } of drained) {
      const ids = orders.map(({ id }) => id);
      if (hasReadModel) {
        await this.erasures.enterReadModel(ids, redisFile, until);
        continue;
      }
      await this.erasures.finish(ids, redisFile, until, Date.now());
      for (const { id, subject } of orders) this.logger.info({ erasure: id, subject, redisFile }, 'Erased');
    }
  }

  /** @returns undefined where Redis failed: it is tried again after a pause, since it costs Redis much */
  private async rewritten(alive: () => Promise<void>): Promise<RedisFile | undefined> {
    const begun = Date.now();
    try {
      const redisFile = await this.files.rewrite(alive);
      this.rewriteAgainAt = Date.now() + REWRITE_REST * (Date.now() - begun);
      return redisFile;
    } catch (error) {
      if (error instanceof TaskStoppedError) throw error;
      this.rewriteAgainAt = Date.now() + REWRITE_PAUSE_MS;
      this.logger.warn({ err: error }, 'Redis has not rewritten its files; erasures wait, and it is tried again');
      return undefined;
    }
  }

  /**
   * Nothing of an account that was received until this moment (ms) is in the buffer, or still on its way there.
   * @param names of its lists: its own, and of its apps: until an API process knows a new app's owner, events are kept under the
   *   app's id
   */
  private async drainedUntil(names: readonly string[]): Promise<number> {
    const now = Date.now();
    const oldest = (await this.backlog.oldestOf(names)) ?? now;
    return Math.min(now, oldest - 1) - ON_ITS_WAY_MS;
  }
}

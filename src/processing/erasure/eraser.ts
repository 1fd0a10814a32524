import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { BacklogReader } from '../../buffer/backlog.js';
import type { RedisFile } from '../../database/entities/index.js';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { PeriodicTask, TaskStoppedError } from '../../common/periodic-task.js';
import { withNamedLock } from '../named-lock.js';
import { AppEraser } from './app-eraser.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';
import { PersonEraser } from './person-eraser.js';
import { RedisFiles } from './redis-file.js';

const EVERY_MS = 1000;
/** After Redis could not write its files anew. */
const REWRITE_PAUSE_MS = 10_000;
/** An event is received before it is in the buffer, at most this long: the time that a push may take, and to spare. */
const ON_ITS_WAY_MS = 3000;

/**
 * Carries out erasures. An order is a tombstone from its commit on: no chunk stores what was received before it. So rows
 * are deleted once; then nothing received before may be pending any more; then Redis writes its file anew; and only then
 * the tombstone goes. Each stage may be done again after a crash. One worker at a time does it.
 */
@Injectable()
export class Eraser implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: PeriodicTask;
  private rewriteAgainAt = 0;

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
      failure: 'An erasure could not go on; it is tried again',
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
    if ((await this.erasures.open()).length === 0) return;
    await withNamedLock(this.dataSource, 'erasures', 0, async (runner) => {
      const alive = async (): Promise<void> => {
        signal.throwIfAborted();
        // The lock is this session's, and idle sessions are ended.
        await runner.query('DO 0');
      };
      for (const erasure of await this.erasures.open()) await this.eraseRows(erasure, alive);
      await this.finish(alive);
    });
  }

  /** One that fails is tried again later, and holds no other up. */
  private async eraseRows(erasure: OpenErasure, alive: () => Promise<void>): Promise<void> {
    if (erasure.stage !== 'rows') return;
    try {
      await (erasure.subject === 'app' ? this.apps : this.people).erase(erasure, alive);
      await this.erasures.enter(erasure, 'buffer');
    } catch (error) {
      if (error instanceof TaskStoppedError) throw error;
      this.logger.warn({ err: error, erasure: erasure.id }, 'An erasure could not go on; it is tried again');
      await alive();
    }
  }

  /** Those of which nothing is in the buffer any more: Redis writes its file anew once for all of them. */
  private async finish(alive: () => Promise<void>): Promise<void> {
    const waiting = (await this.erasures.open()).filter(({ stage }) => stage !== 'rows');
    if (waiting.length === 0) return;
    const drainedUntil = await this.drainedUntil();
    const drained = waiting.filter(({ requestedAt }) => requestedAt.getTime() <= drainedUntil);
    if (drained.length === 0) return;
    const redisFile = await this.rewritten(alive);
    if (!redisFile) return;
    for (const erasure of drained) {
      await this.erasures.finish(erasure, redisFile, Date.now());
      this.logger.info({ erasure: erasure.id, subject: erasure.subject, redisFile }, 'Erased');
    }
  }

  /** @returns undefined where it failed: it is tried again after a pause, since it costs Redis much */
  private async rewritten(alive: () => Promise<void>): Promise<RedisFile | undefined> {
    if (Date.now() < this.rewriteAgainAt) return undefined;
    try {
      return await this.files.rewrite(alive);
    } catch (error) {
      if (error instanceof TaskStoppedError) throw error;
      this.rewriteAgainAt = Date.now() + REWRITE_PAUSE_MS;
      this.logger.warn({ err: error }, 'Redis has not written its files anew; erasures wait, and it is tried again');
      return undefined;
    }
  }

  /** Nothing that was received until this moment (ms) is in the buffer, or still on its way there. */
  private async drainedUntil(): Promise<number> {
    const now = Date.now();
    const { events, oldestReceivedAt } = await this.backlog.read();
    // What cannot be dated may be as old as anything.
    const oldest = events === 0 ? now : (oldestReceivedAt ?? 0);
    return Math.min(now, oldest - 1) - ON_ITS_WAY_MS;
  }
}

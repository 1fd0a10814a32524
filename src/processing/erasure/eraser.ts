import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { BacklogReader } from '../../buffer/backlog.js';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { withNamedLock } from '../named-lock.js';
import { AppEraser } from './app-eraser.js';
import { ErasureRepository, type OpenErasure } from './erasure.repository.js';
import { PersonEraser } from './person-eraser.js';
import { RedisFiles } from './redis-file.js';

const EVERY_MS = 1000;
/** An event is received before it is in the buffer, at most this long: the time that a push may take, and to spare. */
const ON_ITS_WAY_MS = 3000;

/**
 * Carries out erasures. An order is a tombstone from its commit on: no chunk stores what was received before it. So rows
 * are deleted once; then nothing received before may be pending any more; then Redis writes its file anew; and only then
 * the tombstone goes. Each stage may be done again after a crash. One worker at a time does it.
 */
@Injectable()
export class Eraser implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private stopping = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly erasures: ErasureRepository,
    private readonly people: PersonEraser,
    private readonly apps: AppEraser,
    private readonly files: RedisFiles,
    private readonly backlog: BacklogReader,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.running ??= this.look().finally(() => (this.running = undefined));
    }, EVERY_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await this.running;
  }

  private async look(): Promise<void> {
    try {
      if ((await this.erasures.open()).length === 0) return;
      await withNamedLock(this.dataSource, 'erasures', 0, async (runner) => {
        const alive = async (): Promise<void> => {
          if (this.stopping) throw new StoppingError('The worker stops; another goes on with the erasure');
          // The lock is this session's, and idle sessions are ended.
          await runner.query('DO 0');
        };
        for (const erasure of await this.erasures.open()) await this.advance(erasure, alive);
      });
    } catch (error) {
      if (error instanceof StoppingError) return;
      this.logger.warn({ err: error }, 'An erasure could not go on; it is tried again');
    }
  }

  private async advance(erasure: OpenErasure, alive: () => Promise<void>): Promise<void> {
    if (erasure.stage === 'rows') {
      await (erasure.subject === 'app' ? this.apps : this.people).erase(erasure, alive);
      await this.erasures.enter(erasure.id, 'buffer');
    }
    if (!(await this.drainedSince(erasure.requestedAt.getTime()))) return;
    const redisFile = await this.files.rewrite(alive);
    await this.erasures.finish(erasure.id, redisFile, Date.now());
    this.logger.info({ erasure: erasure.id, subject: erasure.subject, redisFile }, 'Erased');
  }

  /** Whether nothing that was received until then is in the buffer any more. */
  private async drainedSince(time: number): Promise<boolean> {
    if (Date.now() < time + ON_ITS_WAY_MS) return false;
    const { events, oldestReceivedAt } = await this.backlog.read();
    return events === 0 || (oldestReceivedAt !== undefined && oldestReceivedAt > time + ON_ITS_WAY_MS);
  }
}

class StoppingError extends Error {}

import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';

const EVERY_MS = 60_000;
const FAILURE = 'Could not write when keys were last used';

/** updated_at stays: a use changes nothing that the registry must hear of. */
const NOTE = `UPDATE api_keys SET last_used_at = GREATEST(COALESCE(last_used_at, ?), ?), updated_at = updated_at WHERE id = ?`;

/** When each key was last used: noted in memory, written at most once a minute. */
@Injectable()
export class KeyUse implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private used = new Map<string, number>();
  private readonly task: PeriodicTask;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new PeriodicTask({
      name: 'key-use',
      intervalMs: EVERY_MS,
      run: () => this.write(),
      logger,
      failure: FAILURE,
      failureLevel: 'debug',
    });
  }

  note(keyId: string): void {
    this.used.set(keyId, Date.now());
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.task.stop();
    await this.write().catch((error: unknown) => this.logger.debug({ err: error }, FAILURE));
  }

  private async write(): Promise<void> {
    const used = this.used;
    this.used = new Map();
    try {
      for (const [keyId, ms] of used) {
        const at = new Date(ms);
        await this.dataSource.query(NOTE, [at, at, Buffer.from(keyId, 'hex')]);
        used.delete(keyId);
      }
    } catch (error) {
      // Kept for the next time, where no later use was noted meanwhile.
      this.used = new Map([...used, ...this.used]);
      throw error;
    }
  }
}

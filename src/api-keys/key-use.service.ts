import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';

const EVERY_MS = 60_000;

/** updated_at stays: a use changes nothing that the registry must hear of. */
const NOTE = `UPDATE api_keys SET last_used_at = GREATEST(COALESCE(last_used_at, ?), ?), updated_at = updated_at WHERE id = ?`;

/** When each key was last used: noted in memory, written at most once a minute. */
@Injectable()
export class KeyUse implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private used = new Map<string, number>();
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  note(keyId: string): void {
    this.used.set(keyId, Date.now());
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.write(), EVERY_MS);
    this.timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
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
      this.logger.debug({ err: error }, 'Could not write when keys were last used');
    }
  }
}

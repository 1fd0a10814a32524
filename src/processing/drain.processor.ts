import { InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, type OnApplicationBootstrap } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { DRAIN_QUEUE } from '../buffer/buffer-keys.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { DrainService } from './drain.service.js';

const EVERY_MS = 60_000;

/** BullMQ rings, the drain works. A lost, doubled or stuck job changes nothing but the moment. */
@Processor(DRAIN_QUEUE)
export class DrainProcessor extends WorkerHost implements OnApplicationBootstrap {
  constructor(
    private readonly drainService: DrainService,
    @InjectQueue(DRAIN_QUEUE) private readonly queue: Queue,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  /** A drain every minute, whatever happens. */
  async onApplicationBootstrap(): Promise<void> {
    this.queue.on('error', (error) => this.onError(error));
    try {
      await this.queue.upsertJobScheduler('every-minute', { every: EVERY_MS }, { name: 'drain' });
    } catch (error) {
      this.logger.warn({ err: error }, 'Could not schedule the drain of every minute; this worker looks by itself');
    }
  }

  override async process(): Promise<void> {
    await this.drainService.drain();
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.logger.debug({ err: error }, 'BullMQ reports an error');
  }
}

import { InjectQueue } from '@nestjs/bullmq';
import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { BufferKeys, DRAIN_QUEUE, LIST_COUNT } from '../buffer/buffer-keys.js';
import { UnavailableError } from '../common/app-error.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { Env } from '../config/env.js';
import { encodeEnvelope } from '../events/envelope.js';
import type { AcceptedEvent } from '../events/event.js';
import { BufferGauge } from '../buffer/buffer-gauge.js';

/** Appends accepted events to Redis and answers when they are in its append-only file. */
@Injectable()
export class BufferService {
  private next = 0;
  private readonly listThreshold: number;

  constructor(
    private readonly redis: Redis,
    private readonly keys: BufferKeys,
    private readonly gauge: BufferGauge,
    @InjectQueue(DRAIN_QUEUE) private readonly queue: Queue,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.listThreshold = Math.ceil(env.flushThreshold / LIST_COUNT);
    this.queue.on('error', (error) => this.logger.debug({ err: error }, 'BullMQ reports an error'));
  }

  /**
   * All of them or none: one RPUSH to one list. Redis replies when it has fsynced.
   * @throws UnavailableError: the buffer is full, or Redis did not answer (then the outcome is unknown: send again)
   */
  async append(events: AcceptedEvent[]): Promise<void> {
    this.gauge.assertRoom();
    const envelopes = events.map(encodeEnvelope);
    const list = this.next;
    this.next = (this.next + 1) % LIST_COUNT;
    const length = await this.push(list, envelopes);
    this.gauge.grew(envelopes);
    this.alarm(length, envelopes.length);
  }

  private async push(list: number, envelopes: string[]): Promise<number> {
    try {
      return await this.redis.rpush(this.keys.pending(list), ...envelopes);
    } catch (error) {
      throw new UnavailableError(
        'buffer_unavailable',
        'The event could not be stored just now. Send it again with the same eventId.',
        2,
        error,
      );
    }
  }

  /** Wakes a worker at the threshold, or after the longest wait. Never waited for: workers also look by themselves. */
  private alarm(length: number, added: number): void {
    const crossed = length >= this.listThreshold && length - added < this.listThreshold;
    const first = length === added;
    if (!crossed && !first) return;
    const delay = crossed ? 0 : this.env.flushIntervalMs;
    if (this.redis.status !== 'ready') return;
    this.queue.add('drain', {}, { delay }).catch((error: unknown) => {
      this.logger.debug({ err: error }, 'Could not set the alarm for a drain; the workers look by themselves');
    });
  }
}

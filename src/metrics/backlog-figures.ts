import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { type Backlog, BacklogReader } from '../buffer/backlog.js';
import { Env } from '../config/env.js';
import { Metrics } from './metrics.service.js';

/**
 * The buffer's figures, read from Redis when Prometheus asks: once a scrape, whatever the number of gauges. While Redis is
 * away they are NaN (unknown), and `tallystone_redis_up` is 0.
 */
@Injectable()
export class BacklogFigures implements OnModuleInit {
  private reading?: Promise<Backlog | undefined>;

  constructor(
    private readonly backlog: BacklogReader,
    private readonly metrics: Metrics,
    private readonly env: Env,
  ) {}

  onModuleInit(): void {
    this.gauge('backlog_events', 'Accepted events not yet committed', ({ events }) => events);
    this.gauge('backlog_bytes', 'Memory of the accepted, uncommitted events in Redis', ({ bytes }) => bytes);
    this.gauge('backlog_age_seconds', 'Age of the oldest accepted, uncommitted event; 0 without one', (backlog) =>
      backlog.oldestReceivedAt === undefined ? 0 : secondsSince(backlog.oldestReceivedAt),
    );
    this.gauge('worker_seen_age_seconds', 'Time since any worker was last seen; +Inf: never', ({ workerSeenAt }) =>
      workerSeenAt === undefined ? Infinity : secondsSince(workerSeenAt),
    );
    this.gauge(
      'redis_up',
      '1 while Redis answers',
      () => 1,
      () => 0,
    );
    this.metrics.redisRelaxed.set(this.env.redisDurability === 'relaxed' ? 1 : 0);
  }

  private gauge(name: string, help: string, figure: (backlog: Backlog) => number, unknown = () => NaN): void {
    const read = (): Promise<Backlog | undefined> => this.read();
    new Gauge({
      name: `tallystone_${name}`,
      help,
      registers: [this.metrics.registry],
      async collect() {
        const backlog = await read();
        this.set(backlog ? figure(backlog) : unknown());
      },
    });
  }

  private read(): Promise<Backlog | undefined> {
    this.reading ??= this.backlog
      .read()
      .catch(() => undefined)
      .finally(() => (this.reading = undefined));
    return this.reading;
  }
}

function secondsSince(ms: number): number {
  return Math.max(0, (Date.now() - ms) / 1000);
}

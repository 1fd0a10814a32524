import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { DataSource } from 'typeorm';
import { Metrics } from '../metrics/metrics.service.js';

/** Scrapes come every few seconds; keys expire in days. */
const GOOD_FOR_MS = 60_000;

const EXPIRING = `SELECT COALESCE(SUM(expires_at <= UTC_TIMESTAMP() + INTERVAL 7 DAY), 0) AS d7, COUNT(*) AS d30
FROM api_keys JOIN apps ON apps.id = api_keys.app_id
WHERE expires_at > UTC_TIMESTAMP() AND expires_at <= UTC_TIMESTAMP() + INTERVAL 30 DAY
  AND (revoked_at IS NULL OR revoked_at > UTC_TIMESTAMP(3)) AND apps.deleted_at IS NULL`;

interface Expiring {
  '7d': number;
  '30d': number;
}

/** Tells Prometheus how many good keys expire soon; NaN (unknown) while MySQL is away. */
@Injectable()
export class ExpiringKeys implements OnModuleInit {
  private last?: { at: number; found: Promise<Expiring> };

  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    const read = (): Promise<Expiring> => this.read();
    new Gauge({
      name: 'tallystone_api_keys_expiring',
      help: 'Good API keys that expire within 7 and within 30 days',
      labelNames: ['within'],
      registers: [this.metrics.registry],
      async collect() {
        const found = await read();
        for (const within of ['7d', '30d'] as const) this.set({ within }, found[within]);
      },
    });
  }

  private read(): Promise<Expiring> {
    const now = Date.now();
    if (!this.last || now - this.last.at > GOOD_FOR_MS) this.last = { at: now, found: this.ask() };
    return this.last.found;
  }

  private async ask(): Promise<Expiring> {
    try {
      const [row]: { d7: string; d30: string }[] = await this.dataSource.query(EXPIRING);
      return { '7d': Number(row!.d7), '30d': Number(row!.d30) };
    } catch {
      // /ready and the log say that MySQL is away; here the figure is unknown, and is asked for again at the next scrape.
      this.last = undefined;
      return { '7d': NaN, '30d': NaN };
    }
  }
}

import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';
import { Metrics } from '../metrics/metrics.service.js';

/** What a worker tells of the copy in ClickHouse. */
@Injectable()
export class ReadModelMetrics {
  readonly copied: Counter;
  readonly recovered: Counter;
  readonly copyFailures: Counter;
  readonly metadataLeftOut: Counter;
  readonly surplusDeleted: Counter;
  readonly filled: Counter;
  readonly copySeconds: Histogram;
  readonly reachable: Gauge;

  constructor({ registry }: Metrics) {
    const counter = (name: string, help: string): Counter =>
      new Counter({ name: `tallystone_read_model_${name}`, help, registers: [registry] });
    this.copied = counter('copied_total', 'Events copied by the worker that committed them');
    this.recovered = counter('recovered_total', 'Events copied later, from the outbox');
    this.copyFailures = counter('copy_failures_total', 'Copies that failed and are tried again');
    this.metadataLeftOut = counter(
      'metadata_left_out_total',
      'Events that ClickHouse took only without their metadata',
    );
    this.surplusDeleted = counter('surplus_deleted_total', 'Events deleted because MySQL does not hold them any more');
    this.filled = counter('filled_total', 'Events copied because they were committed before there was an outbox');
    this.copySeconds = new Histogram({
      name: 'tallystone_read_model_copy_seconds',
      help: 'Duration of one insert into the read model',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    });
    this.reachable = new Gauge({
      name: 'tallystone_read_model_reachable',
      help: '1 while ClickHouse answers and its tables fit, else 0',
      registers: [registry],
    });
  }
}

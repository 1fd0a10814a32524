import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { taskDuration } from '../common/periodic-task.js';

/** Every figure this process tells Prometheus. Names begin with `tallystone_`; units are in the name. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly accepted = this.counter('events_accepted_total', 'Events answered 202');
  readonly rejected = this.counter(
    'events_rejected_total',
    'Refused events, and collect requests refused as a whole, by reason (the code of the error, or other)',
    ['reason'],
  );
  readonly untrustedForwarded = this.counter(
    'untrusted_forwarded_total',
    'Requests with a forwarded header from a peer that is not in TRUSTED_PROXIES',
  );
  readonly redisRelaxed = this.gauge('redis_durability_relaxed', '1 while REDIS_DURABILITY is relaxed');

  readonly chunkEvents = this.histogram(
    'chunk_events',
    'Events in a committed transaction',
    [1, 10, 50, 100, 250, 500, 1000, 2000, 5000],
  );
  readonly chunkSeconds = this.histogram(
    'chunk_seconds',
    'Duration of a committed transaction',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );
  readonly inserted = this.counter('events_inserted_total', 'Events stored and counted');
  readonly duplicates = this.counter('events_duplicated_total', 'Events that were stored already');
  readonly deadLetters = this.counter('dead_letters_total', 'Entries put among the dead letters, by code', ['code']);
  readonly chunkRetries = this.counter(
    'chunk_retries_total',
    'Transactions tried again after a deadlock or lock wait timeout',
  );
  readonly drainFailures = this.counter(
    'drain_failures_total',
    'Drains that ended in an error and will be tried again',
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'tallystone_' });
    this.registry.registerMetric(taskDuration);
  }

  private counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name: `tallystone_${name}`, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  private gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `tallystone_${name}`, help, registers: [this.registry] });
  }

  private histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `tallystone_${name}`, help, buckets, registers: [this.registry] });
  }
}

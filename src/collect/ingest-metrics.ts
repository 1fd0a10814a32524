import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { Metrics } from '../metrics/metrics.service.js';
import { PlainHistogram } from '../metrics/plain-histogram.js';
import { ingestNotes, type RejectedEvent } from './ingest-format.js';
import { type Drop, drop, DROP_REASONS, INGEST_STEPS, type IngestStep, requestDrop } from './ingest-steps.js';

/** Seconds. A step of one event takes microseconds, the append as long as an fsync. */
const BUCKETS = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

/** Each ingest step's duration and drops, in /metrics. */
@Injectable()
export class IngestMetrics {
  private readonly seconds: PlainHistogram<IngestStep>;
  private readonly drops: Counter<'step' | 'reason'>;

  constructor(private readonly metrics: Metrics) {
    const registers = [metrics.registry];
    this.seconds = new PlainHistogram(
      {
        name: 'tallystone_ingest_step_seconds',
        help: 'Duration of each ingest step of a request that passed it, for all its events together, waiting for other requests included. No step includes reading the body, JSON.parse, or making and sending the answer',
        buckets: BUCKETS,
        registers,
      },
      'step',
      INGEST_STEPS,
    );
    this.drops = new Counter({
      name: 'tallystone_ingest_drops_total',
      help: 'Refused events, by ingest step and reason (the code of the error, or other). A request that is refused before its events are checked, or by the append, counts once, however many events it has',
      labelNames: ['step', 'reason'],
      registers,
    });
    for (const step of INGEST_STEPS) for (const reason of DROP_REASONS[step]) this.drops.inc({ step, reason }, 0);
  }

  /** @param ms of a whole request */
  took(step: IngestStep, ms: number): void {
    this.seconds.tally(step, ms / 1000);
  }

  /** Events of a request were dropped one by one. If the request is refused for that, it does not count once more. */
  dropped(request: FastifyRequest, rejected: readonly RejectedEvent[]): void {
    for (const { step, error } of rejected) this.count(drop(error.code, step));
    ingestNotes(request).countedDrops = rejected.length > 0;
  }

  /** A request was refused. @param code of the answer */
  refused(request: FastifyRequest, code: string): void {
    const { step, countedDrops } = ingestNotes(request);
    if (!countedDrops) this.count(requestDrop(code, step));
  }

  private count({ step, reason }: Drop): void {
    this.drops.inc({ step, reason });
    this.metrics.rejected.inc({ reason });
  }

  accepted(events: number): void {
    this.metrics.accepted.inc(events);
  }
}

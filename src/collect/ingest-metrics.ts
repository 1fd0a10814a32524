import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { Metrics } from '../metrics/metrics.service.js';
import { PlainHistogram } from '../metrics/plain-histogram.js';
import { ingestNotes } from './ingest-format.js';
import { DROP_REASONS, INGEST_STEPS, type IngestStep, refusingStep } from './ingest-steps.js';

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
      help: 'Refused events of accepted batches, and refused collect requests (once each, however many events they have), by ingest step and reason (the code of the answer)',
      labelNames: ['step', 'reason'],
      registers,
    });
    for (const step of INGEST_STEPS) for (const reason of DROP_REASONS[step]) this.drops.inc({ step, reason }, 0);
  }

  /** @param ms of a whole request */
  took(step: IngestStep, ms: number): void {
    this.seconds.tally(step, ms / 1000);
  }

  /** An event of a request was dropped, and the request went on. @param reason code of the error */
  dropped(step: IngestStep, reason: string): void {
    this.drops.inc({ step, reason });
    this.metrics.rejected.inc({ reason });
  }

  /** A request was refused. @param reason code of the answer */
  refused(request: FastifyRequest, reason: string): void {
    this.dropped(refusingStep(reason, ingestNotes(request).step), reason);
  }

  accepted(events: number): void {
    this.metrics.accepted.inc(events);
  }
}

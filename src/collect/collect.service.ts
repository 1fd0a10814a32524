import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { NO_ACCOUNT } from '../buffer/buffer-keys.js';
import { UnavailableError } from '../common/app-error.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { calendarDate } from '../common/time-zones.js';
import type { AcceptedEvent } from '../events/event.js';
import { RegistryService } from '../registry/registry.service.js';
import { BufferService } from './buffer.service.js';
import { ingestNotes, statedFormat } from './ingest-format.js';
import { IngestMetrics } from './ingest-metrics.js';
import { EVENT_STEPS } from './ingest-steps.js';
import type { IngestContext } from './normalise.js';
import { type IngestEvents, letOthersGoOn, stepsOf } from './parse.pipe.js';

/** Takes a request's parsed events through the remaining steps (ingest-steps.ts), into Redis's append-only file. */
@Injectable()
export class CollectService {
  constructor(
    private readonly buffer: BufferService,
    private readonly registry: RegistryService,
    private readonly metrics: IngestMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Appends the events that are valid. The answer, made by the format of the request's route, names the others. `@CollectRoute`
   * compares the type of the answer with the format.
   * @throws AppError as the format refuses a request without a good event; UnavailableError
   */
  async collect<Answer extends object>(events: IngestEvents): Promise<Answer> {
    const accepted = await this.accept(events);
    const rejected = events.rejected.sort((a, b) => a.index - b.index);
    if (accepted.length > 0) await this.append(accepted, events.request);
    this.metrics.dropped(events.request, rejected);
    return statedFormat(events.request).answer({ accepted, rejected }) as Answer;
  }

  /** The steps that look at one event at a time: each takes all events before the next step begins. */
  private async accept(events: IngestEvents): Promise<AcceptedEvent[]> {
    const steps = stepsOf(events.request);
    for (const { name, run } of EVENT_STEPS) {
      ingestNotes(events.request).step = name;
      const began = performance.now();
      // Anew for each step: events wait while `device` goes on, and an erasure relies on their receipt being recent (eraser.ts).
      const context = this.contextOf(events.request, events.sentAt);
      const before = events.rejected.length;
      for (const draft of events.drafts) {
        if (steps.isOver) await letOthersGoOn(steps, events.request);
        try {
          run(draft, context);
        } catch (error) {
          events.reject(draft.index, name, error);
        }
      }
      if (events.rejected.length > before) {
        const dropped = new Set(events.rejected.slice(before).map(({ index }) => index));
        events.drafts = events.drafts.filter(({ index }) => !dropped.has(index));
      }
      this.metrics.took(name, performance.now() - began);
    }
    return events.drafts.map(({ event }) => event!);
  }

  /** The step `append`. @throws UnavailableError, AppError 429 */
  private async append(accepted: AcceptedEvent[], request: FastifyRequest): Promise<void> {
    ingestNotes(request).step = 'append';
    const began = performance.now();
    // An app that this process has not heard of yet waits where every erasure looks, whoever owns it.
    const account = this.registry.app(accepted[0]!.appId)?.ownerId ?? NO_ACCOUNT;
    await this.buffer.append(account, accepted);
    this.metrics.took('append', performance.now() - began);
    this.metrics.accepted(accepted.length);
    if (!this.logger.isLevelEnabled('debug')) return;
    for (const { appId, id, event } of accepted)
      this.logger.debug({ requestId: request.id, appId, id, event }, 'accepted');
  }

  private contextOf(request: FastifyRequest, sentAt: number | undefined): IngestContext {
    const { caller, visitorAddress, headers } = request;
    if (caller?.kind !== 'key') throw new Error('Events are taken behind the key guard');
    const receivedAt = Date.now();
    const app = this.registry.app(caller.appId);
    const visitorSecret = this.registry.visitorSecret(calendarDate(app?.timeZone ?? 'UTC', receivedAt));
    if (!visitorSecret) {
      throw new UnavailableError('registry_unavailable', 'Events cannot be taken just now. Send it again.', 5);
    }
    return {
      appId: caller.appId,
      ipMode: app?.ipMode ?? 'truncated',
      platform: app?.platform,
      retentionDays: app?.retentionDays ?? null,
      deletedBefore: app?.deletedBefore,
      receivedAt,
      address: visitorAddress,
      userAgent: headers['user-agent'],
      sentAt,
      visitorSecret,
    };
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { NO_ACCOUNT } from '../buffer/buffer-keys.js';
import { AppError, InvalidInputError, UnavailableError } from '../common/app-error.js';
import type { KeyCaller } from '../common/caller.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { checkedPayload } from '../common/payload.pipe.js';
import { Steps } from '../common/steps.js';
import { calendarDate } from '../common/time-zones.js';
import type { AcceptedEvent } from '../events/event.js';
import { formatUuid } from '../events/event-id.js';
import { Metrics } from '../metrics/metrics.service.js';
import { RegistryService } from '../registry/registry.service.js';
import { acceptEvent, type Circumstances } from './acceptance.js';
import { BufferService } from './buffer.service.js';
import type { AcceptedDto, AcceptedIdsDto, BatchAcceptedDto, BatchDto, RejectedEventDto } from './collect.dto.js';
import { EventDto } from './event.dto.js';

/** What a request tells beside its body. */
export interface Sender {
  key: KeyCaller;
  /** The full address of the connection, or what a trusted proxy says it is. */
  address: string;
  userAgent: string | undefined;
  requestId: string;
}

/** How many wrong fields of a batch are named. Beyond these, one for each event. */
const ERRORS_NAMED_AT_MOST = 50;

/** Acceptance: from a valid payload to an event in Redis's append-only file. */
@Injectable()
export class CollectService {
  constructor(
    private readonly buffer: BufferService,
    private readonly registry: RegistryService,
    private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws InvalidInputError, UnavailableError */
  async collect(dto: EventDto, sender: Sender): Promise<AcceptedDto> {
    const event = acceptEvent(dto, this.circumstances(sender));
    await this.keep([event], sender);
    return { ...answerIds(event), receivedAt: new Date(event.receivedAt).toISOString() };
  }

  /** Keeps the good ones and names the others. @throws InvalidInputError when there is no good one, UnavailableError */
  async collectBatch(batch: BatchDto, sender: Sender): Promise<BatchAcceptedDto> {
    const around = this.circumstances(sender, batch.sentAt ?? undefined);
    const accepted: AcceptedEvent[] = [];
    const rejected: RejectedEventDto[] = [];
    let room = ERRORS_NAMED_AT_MOST;
    // A thousand events with errors, or from as many different programs, may take 100 ms. Each account waits for itself.
    const steps = Steps.fromNow(sender.key.ownerId);
    for (const [index, payload] of (batch.events as unknown[]).entries()) {
      await steps.pause();
      try {
        accepted.push(acceptEvent(checkedPayload(EventDto, eventObject(payload), false, room), around));
      } catch (error) {
        if (!(error instanceof AppError) || error.status !== 400) throw error;
        // However many events are wrong in however many ways, each has one of its errors told.
        const errors = (error.errors ?? []).slice(0, room);
        room = Math.max(1, room - errors.length);
        const { code, serverTime } = error;
        rejected.push({ index, code, errors, ...(serverTime ? { serverTime } : {}) });
      }
    }
    if (accepted.length === 0) throw noneValid(rejected);
    await this.keep(accepted, sender);
    for (const { code } of rejected) this.metrics.rejected.inc({ reason: code });
    return { accepted: accepted.length, events: accepted.map(answerIds), rejected };
  }

  private async keep(events: AcceptedEvent[], sender: Sender): Promise<void> {
    // An app that this process has not heard of yet waits where every erasure looks, whoever owns it.
    await this.buffer.append(this.registry.app(sender.key.appId)?.ownerId ?? NO_ACCOUNT, events);
    this.metrics.accepted.inc(events.length);
    if (!this.logger.isLevelEnabled('debug')) return;
    for (const event of events) {
      this.logger.debug(
        { requestId: sender.requestId, appId: event.appId, id: event.id, event: event.event },
        'accepted',
      );
    }
  }

  private circumstances({ key, address, userAgent }: Sender, sentAt?: string): Circumstances {
    const receivedAt = Date.now();
    const app = this.registry.app(key.appId);
    const visitorSecret = this.registry.visitorSecret(calendarDate(app?.timeZone ?? 'UTC', receivedAt));
    if (!visitorSecret) {
      throw new UnavailableError('registry_unavailable', 'Events cannot be taken just now. Send it again.', 5);
    }
    return {
      appId: key.appId,
      ipMode: app?.ipMode ?? 'truncated',
      platform: app?.platform,
      retentionDays: app?.retentionDays ?? null,
      deletedBefore: app?.deletedBefore,
      receivedAt,
      address,
      userAgent,
      sentAt,
      visitorSecret,
    };
  }
}

function answerIds(event: AcceptedEvent): AcceptedIdsDto {
  const id = formatUuid(event.id);
  return { eventId: event.eventId ?? id, id };
}

function eventObject(payload: unknown): Record<string, unknown> {
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) {
    throw new InvalidInputError([{ field: 'event', message: 'must be a JSON object' }]);
  }
  if (Object.hasOwn(payload, 'apiKey')) {
    throw new InvalidInputError([{ field: 'apiKey', message: 'belongs beside events, not inside one' }]);
  }
  return payload as Record<string, unknown>;
}

function noneValid(rejected: RejectedEventDto[]): InvalidInputError {
  const errors = rejected.flatMap(({ index, errors: fields }) =>
    fields.map(({ field, message }) => ({ field: `events[${index}].${field}`, message })),
  );
  const codes = new Set(rejected.map(({ code }) => code));
  const serverTime = rejected.find((refusal) => refusal.serverTime)?.serverTime;
  return new InvalidInputError(errors, codes.size === 1 ? rejected[0]!.code : 'invalid_input', serverTime);
}

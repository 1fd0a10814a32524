import { ArrayMaxSize, ArrayMinSize, IsArray, IsOptional, Validate } from 'class-validator';
import { Rfc3339 } from '../common/rules.js';
import { BATCH_MAX_EVENTS } from '../events/limits.js';
import { EventDto } from './event.dto.js';

/** Up to 1,000 events in one request, plain or gzipped. */
export class BatchDto {
  static readonly clockFields = ['sentAt'];

  /** 1 to 1,000 events. Each stands for itself: bad ones are named in the answer, the others are kept. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(BATCH_MAX_EVENTS)
  events!: EventDto[];

  /** When your client sent this request; counts for every event that does not state its own. */
  @IsOptional()
  @Validate(Rfc3339)
  sentAt?: string;
}

/** The event is on disk and will be counted exactly once. */
export class AcceptedDto {
  /** As you sent it, else equal to id. */
  eventId!: string;

  /** The id under which it is stored (UUIDv7): GET /api/analytics/events/{id}/receipt tells what became of it. */
  id!: string;

  /** RFC 3339, UTC. */
  receivedAt!: string;
}

export class AcceptedIdsDto {
  /** As you sent it, else equal to id. */
  eventId!: string;

  /** The id under which it is stored. */
  id!: string;
}

export class RejectedFieldDto {
  /** @example "timestamp" */
  field!: string;

  /** What is wrong, and what would be right. */
  message!: string;
}

export class RejectedEventDto {
  /** Its place in `events`, from 0. */
  index!: number;

  /** @example "invalid_input" */
  code!: string;

  errors!: RejectedFieldDto[];

  /** Our clock (RFC 3339), where the event's time is the reason: yours may be wrong. */
  serverTime?: string;
}

export class BatchAcceptedDto {
  /** How many are on disk and will be counted exactly once. */
  accepted!: number;

  /** The accepted ones, in the order sent. */
  events!: AcceptedIdsDto[];

  /** The others: correct them and send them again. */
  rejected!: RejectedEventDto[];
}

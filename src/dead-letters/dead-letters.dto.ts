import { ArrayMaxSize, ArrayMinSize, IsArray, IsOptional, IsUUID, Matches } from 'class-validator';
import { PageQuery } from '../common/page-query.dto.js';

const IDS_MAX = 1000;
/** The column is ASCII: MySQL refuses to compare it with anything else. */
const CODE = /^[a-z_]{1,64}$/;

export class DeadLettersQuery extends PageQuery {
  /**
   * Only those with this code.
   * @example "unstorable"
   */
  @IsOptional()
  @Matches(CODE, { message: 'must be a code, as in unstorable' })
  code?: string;
}

/** Which to try again. Neither field: all of the app's, those with the codes `id_conflict` and `too_old` apart. */
export class ReplayDto {
  /** Ids of dead letters. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(IDS_MAX)
  @IsUUID(undefined, { each: true })
  ids?: string[] | null;

  /**
   * Only those with this code.
   * @example "unstorable"
   */
  @IsOptional()
  @Matches(CODE, { message: 'must be a code, as in unstorable' })
  code?: string | null;
}

/** An event that was accepted and could not be stored, or must not be counted. */
export class DeadLetterDto {
  id!: string;

  /** `unstorable`, `id_conflict`, `too_old`, `envelope_version` or `envelope_malformed`. */
  code!: string;

  /** What MySQL or the worker said of it. */
  reason!: string;

  /** The `id` that its 202 named; null where the entry could not be read. */
  storedId!: string | null;

  /** The event's name; null where the entry could not be read. */
  event!: string | null;

  /** As it was sent; null: it was sent without one, or the entry could not be read. */
  eventId!: string | null;

  /** When the event happened, RFC 3339, UTC; null where the entry could not be read. */
  occurredAt!: string | null;

  /** RFC 3339, UTC; null where the entry could not be read. */
  receivedAt!: string | null;

  /** The entry as it was accepted. */
  entry!: string;

  /** RFC 3339, UTC. */
  createdAt!: string;
}

export class DeadLetterListDto {
  data!: DeadLetterDto[];

  /** Null: there are no more. */
  nextCursor!: string | null;
}

export class ReplayedDto {
  /** So many were put into the buffer again. Each is stored within about a second, or is a dead letter again. */
  replayed!: number;
}

import { ApiProperty } from '@nestjs/swagger';
import { COPY_STATES, type CopyState } from '../read-model/backfill/copy-status.js';

/** What is accepted and not yet committed. */
export class BacklogDto {
  events!: number;

  /** Memory of them in Redis. */
  bytes!: number;

  /** From here on nothing more is taken (BUFFER_MAX_BYTES). */
  maxBytes!: number;

  /** Since the oldest of them was received; null: nothing waits. */
  oldestAgeMs!: number | null;

  /** Since any worker was last seen; null: never. */
  workerSeenAgeMs!: number | null;
}

/** What was committed lately, by all workers together. received = inserted + duplicated + dead + erased. */
export class RateDto {
  /** The time that is summed, back from now. */
  minutes!: number;

  received!: number;

  /** Stored and counted. */
  inserted!: number;

  /** Were stored already. */
  duplicated!: number;

  /** Put among the dead letters. */
  dead!: number;

  /** Passed over: of a deleted app or an erased person. */
  erased!: number;
}

/** How far the copy in ClickHouse is, which answers questions. */
export class ReadModelDto {
  /**
   * off: no worker has reached ClickHouse yet. filling: MySQL answers questions meanwhile. rebuilding: the present copy answers until
   * another one is filled. complete: it holds every event but those that wait.
   */
  @ApiProperty({ enum: COPY_STATES })
  state!: CopyState;

  /** While it is filled or rebuilt: events that were looked at. */
  filled!: number;

  /** While it is filled or rebuilt: about how many there are to look at. */
  total!: number;

  /** Committed events that wait to be copied, about. */
  waiting!: number;

  /** Since the oldest of them was received; null: none waits. */
  oldestWaitingAgeMs!: number | null;
}

/** The whole installation's figures; nothing of any owner's events. */
export class OperationDto {
  @ApiProperty({ type: BacklogDto, nullable: true, description: 'null: Redis is away.' })
  backlog!: BacklogDto | null;

  @ApiProperty({ type: ReadModelDto, nullable: true, description: 'null: there is no ClickHouse.' })
  readModel!: ReadModelDto | null;

  /** Of the last minute, hour and day. */
  rates!: RateDto[];

  /** Dead letters of all owners together; 100,000 stands for that many or more. */
  deadLetters!: number;

  /**
   * Requests that brought a forwarded header from an address outside TRUSTED_PROXIES, since this process started: the header
   * was ignored, and behind a proxy that is not named all visitors share its address.
   */
  untrustedForwarded!: number;
}

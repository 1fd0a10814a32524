import {
  ERASURE_STAGES,
  type Erasure,
  type ErasureStage,
  type ErasureSubject,
  REDIS_FILES,
  type RedisFile,
} from '../database/entities/erasure.entity.js';
import { formatUuid } from '../events/event-id.js';
import { ApiProperty } from '@nestjs/swagger';

/** How far an erasure has come. */
export class ErasureDto {
  /** @example "0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60" */
  erasureId!: string;

  @ApiProperty({ enum: ['person', 'app'] })
  subject!: ErasureSubject;

  /**
   * `rows`: events, counts and dead letters are being deleted. `buffer`: they are; now nothing that was received before
   * may be on its way any more. `file`: Redis writes its file anew. `read-model`: the copy in ClickHouse is being deleted, or
   * waits until ClickHouse answers. `done`.
   */
  @ApiProperty({ enum: ERASURE_STAGES })
  stage!: ErasureStage;

  /** Events and dead letters deleted so far. */
  eventsErased!: number;

  /**
   * `rewritten`: Redis's file holds nothing of it any more. `none`: this Redis keeps no file. `operator`: the server does
   * not let us rewrite it: that is up to whoever runs it. Null until that stage has ended.
   */
  @ApiProperty({ enum: REDIS_FILES, nullable: true })
  redisFile!: RedisFile | null;

  /** RFC 3339, UTC. What is received later is welcome. */
  requestedAt!: string;

  /** Null: not done yet. */
  finishedAt!: string | null;
}

export function erasureDto(erasure: Erasure): ErasureDto {
  return {
    erasureId: formatUuid(erasure.id),
    subject: erasure.subject,
    stage: erasure.stage,
    eventsErased: erasure.eventsErased,
    redisFile: erasure.redisFile,
    requestedAt: erasure.requestedAt.toISOString(),
    finishedAt: erasure.finishedAt?.toISOString() ?? null,
  };
}

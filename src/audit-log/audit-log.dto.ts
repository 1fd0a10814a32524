import { ApiProperty } from '@nestjs/swagger';
import { AUDIT_ACTIONS, type AuditAction } from '../database/entities/audit-entry.entity.js';

export class AuditEntryDto {
  id!: string;

  /** RFC 3339, UTC. */
  at!: string;

  @ApiProperty({ enum: AUDIT_ACTIONS })
  action!: AuditAction;

  /** The session, app, key, erasure or account that it was done to. */
  subjectId!: string | null;
  appId!: string | null;

  /** What was changed, in short. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  detail!: Record<string, unknown>;
}

export class AuditLogDto {
  data!: AuditEntryDto[];

  /** Null: there are no more. */
  nextCursor!: string | null;
}

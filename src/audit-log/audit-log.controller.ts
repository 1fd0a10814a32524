import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { UserRoute } from '../access/user-route.decorator.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { PageQuery } from '../common/page-query.dto.js';
import type { AuditEntry } from '../database/entities/audit-entry.entity.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { type AuditEntryDto, AuditLogDto } from './audit-log.dto.js';
import { AuditLog } from './audit-log.js';

@ApiTags('Sign-in')
@Controller('api/auth/audit-log')
@UserRoute()
export class AuditLogController {
  constructor(private readonly log: AuditLog) {}

  /**
   * List the audit log of your account. It holds sign-ins and changes of apps, keys and people. The newest entry comes first.
   */
  @Get()
  async listAuditEntries(
    @CurrentUser() { userId }: UserCaller,
    @Query() { cursor, limit }: PageQuery,
  ): Promise<AuditLogDto> {
    const size = limit!;
    const found = await this.log.list(userId, size + 1, cursor && parseUuid(cursor));
    const data = found.slice(0, size).map(entryDto);
    return { data, nextCursor: found.length > size ? data.at(-1)!.id : null };
  }
}

function entryDto({ id, at, action, subjectId, appId, detail }: AuditEntry): AuditEntryDto {
  return {
    id: formatUuid(id),
    at: at.toISOString(),
    action,
    subjectId: subjectId && formatUuid(subjectId),
    appId: appId && formatUuid(appId),
    detail: JSON.parse(detail) as Record<string, unknown>,
  };
}

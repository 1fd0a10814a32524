import { Controller, Delete, Get, HttpCode, Param, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { NotFoundError } from '../common/app-error.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { PageQuery } from '../common/page-query.dto.js';
import { Session } from '../database/entities/index.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { type SessionDto, SessionListDto } from './auth.dto.js';
import { SessionCheck } from '../access/session-check.js';
import { SessionCookies } from '../access/session-cookies.js';
import { SessionService } from './session.service.js';
import { UserRoute } from '../access/user-route.decorator.js';

@ApiTags('Sign-in')
@Controller('api/auth/sessions')
@UserRoute()
export class SessionsController {
  constructor(
    private readonly sessions: SessionService,
    private readonly check: SessionCheck,
    private readonly cookies: SessionCookies,
  ) {}

  /** List your sessions. They show where you are signed in. The newest comes first. */
  @Get()
  async listSessions(
    @CurrentUser() caller: UserCaller,
    @Query() { cursor, limit }: PageQuery,
  ): Promise<SessionListDto> {
    const size = limit!;
    const found = await this.sessions.list(caller.userId, size + 1, cursor && parseUuid(cursor));
    const data = found.slice(0, size).map((session) => this.dto(session, caller));
    return { data, nextCursor: found.length > size ? data.at(-1)!.id : null };
  }

  /** Sign out everywhere. Every access and refresh token of yours is refused from now on, also here. */
  @Delete()
  @HttpCode(204)
  async endSessions(
    @CurrentUser() { userId }: UserCaller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.sessions.endAll(userId);
    this.clearCookies(reply);
  }

  /** End a session. Ending it twice is no error. */
  @Delete(':id')
  @HttpCode(204)
  async endSession(
    @CurrentUser() { userId, sessionId }: UserCaller,
    @Param('id') text: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const id = parseUuid(text);
    if (!id || !(await this.sessions.endOwn(userId, id))) {
      throw new NotFoundError('You have no session with this id. GET /api/auth/sessions lists yours.');
    }
    if (id === sessionId) this.clearCookies(reply);
  }

  private clearCookies(reply: FastifyReply): void {
    this.cookies.clear(reply, this.cookies.session, this.cookies.refresh);
  }

  private dto(session: Session, { sessionId }: UserCaller): SessionDto {
    const { id, createdAt, lastUsedAt, browser, os } = session;
    return {
      id: formatUuid(id),
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt.toISOString(),
      endsAt: this.check.endOf(session).toISOString(),
      browser,
      os,
      current: id === sessionId,
    };
  }
}

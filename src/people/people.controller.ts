import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Controller, Delete, Get, Header, HttpCode, Param, Req, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { OpenStreams } from '../analytics/open-streams.js';
import { OwnedApps } from '../access/owned-apps.service.js';
import { AuditLog, type Deed } from '../audit-log/audit-log.js';
import { UserRoute } from '../access/user-route.decorator.js';
import { InvalidInputError } from '../common/app-error.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { ErasureOrders } from '../erasures/erasure-orders.js';
import { ErasureDto, erasureDto } from '../erasures/erasures.dto.js';
import { fits } from '../events/characters.js';
import { USER_ID_MAX } from '../events/limits.js';
import { PersonExportDto } from './people.dto.js';
import { PersonExport } from './person-export.js';

@ApiTags('Privacy')
@Controller('api/apps/:id/users/:userId')
@UserRoute()
export class PeopleController {
  constructor(
    private readonly owned: OwnedApps,
    private readonly exports: PersonExport,
    private readonly streams: OpenStreams,
    private readonly orders: ErasureOrders,
    private readonly dataSource: DataSource,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Export a person. The answer holds all that your app knows of the person, as it is stored. It is streamed, and ends early when
   * your sign-in ends or the app is deleted.
   */
  @Get()
  @Header('cache-control', 'no-store')
  @ApiOkResponse({ type: PersonExportDto })
  async exportPerson(
    @CurrentUser() user: UserCaller,
    @Param('id') id: string,
    @Param('userId') userId: string,
    @Req() request: FastifyRequest,
  ): Promise<StreamableFile> {
    const app = await this.owned.one(user.userId, id);
    const person = checkedUserId(userId);
    const stream = this.streams.watch(request, [app.id]);
    try {
      await this.audit.note(deed('person_exported', user, app.id, userId));
    } catch (error) {
      stream.close();
      throw error;
    }
    const pieces = this.exports.write({ account: user.userId, gone: stream.ended }, app.id, person);
    return new StreamableFile(
      Readable.from(pieces, { objectMode: false }).once('close', () => stream.close()),
      { type: 'application/json; charset=utf-8', disposition: 'attachment; filename="person.json"' },
    );
  }

  /**
   * Erase a person. It removes their events, their place in every count, their dead letters, and what is still on its way. The
   * erasure begins at once and goes on in the background; GET /api/erasures/{erasureId} shows the progress. Events received
   * later are kept. The id in other people's metadata, in your backups and in your database's logs is not covered.
   */
  @Delete()
  @HttpCode(202)
  async erasePerson(
    @CurrentUser() user: UserCaller,
    @Param('id') id: string,
    @Param('userId') userId: string,
  ): Promise<ErasureDto> {
    const app = await this.owned.one(user.userId, id);
    const userValue = checkedUserId(userId);
    const erasure = await this.dataSource.transaction(async (manager) => {
      const given = { appId: app.id, ownerId: user.userId, subject: 'person', userValue } as const;
      const order = await this.orders.give(manager, given);
      await this.audit.note({ ...deed('person_erased', user, app.id, userId), subjectId: order.id }, manager);
      return order;
    });
    return erasureDto(erasure);
  }
}

/** Names the person by a hash: somebody who knows the id can recognise it, and nobody else can read it. */
function deed(action: 'person_exported' | 'person_erased', user: UserCaller, appId: string, userId: string): Deed {
  const person = createHash('sha256').update(`${appId}\0${userId}`).digest('hex').slice(0, 32);
  return { userId: user.userId, action, appId, detail: { person } };
}

function checkedUserId(userId: string): string {
  if (!fits(userId, USER_ID_MAX) || userId.includes('\0')) {
    throw new InvalidInputError([
      { field: 'userId', message: `must be at most ${USER_ID_MAX} characters, without NUL` },
    ]);
  }
  return userId;
}

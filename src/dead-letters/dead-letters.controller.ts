import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { OwnedApps } from '../access/owned-apps.service.js';
import { AuditLog } from '../audit-log/audit-log.js';
import { UserRoute } from '../access/user-route.decorator.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { fittingEntries } from '../common/page-size.js';
import { decodeEnvelope, EnvelopeError } from '../events/envelope.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { type Asker, CurrentAsker } from '../questions/asker.js';
import { Questions } from '../questions/questions.js';
import { type DeadLetterDto, DeadLetterListDto, DeadLettersQuery, ReplayDto, ReplayedDto } from './dead-letters.dto.js';
import { DeadLettersService, type StoredLetter } from './dead-letters.service.js';

@ApiTags('Dead letters')
@Controller('api/apps/:id/dead-letters')
@UserRoute()
export class DeadLettersController {
  constructor(
    private readonly letters: DeadLettersService,
    private readonly owned: OwnedApps,
    private readonly questions: Questions,
    private readonly audit: AuditLog,
  ) {}

  /**
   * List dead letters. These are events of your app that were accepted and could not be stored, each with the reason. The newest
   * comes first.
   */
  @Get()
  async listDeadLetters(
    @CurrentUser() user: UserCaller,
    @CurrentAsker() asker: Asker,
    @Param('id') id: string,
    @Query() { code, cursor, limit }: DeadLettersQuery,
  ): Promise<DeadLetterListDto> {
    const app = await this.owned.one(user.userId, id);
    const size = limit ?? 50;
    const found = await this.questions.ask(asker, { apps: 1 }, (manager) =>
      this.letters.list({ appId: app.id, code }, size + 1, cursor && parseUuid(cursor), manager),
    );
    const data = fittingEntries(found, size, letterBytes);
    return {
      data: data.map(deadLetterDto),
      nextCursor: found.length > data.length ? formatUuid(data.at(-1)!.id) : null,
    };
  }

  /** Replay dead letters. Do this once the reason is gone. An event that fails again is a dead letter again. */
  @Post('replay')
  @HttpCode(202)
  async replayDeadLetters(
    @CurrentUser() user: UserCaller,
    @Param('id') id: string,
    @Body() { ids, code }: ReplayDto,
  ): Promise<ReplayedDto> {
    const app = await this.owned.one(user.userId, id);
    const selection = { appId: app.id, ids: ids?.map((one) => parseUuid(one)!), code: code ?? undefined };
    const replayed = await this.letters.replay(selection);
    const detail = { replayed };
    await this.audit.note({ userId: user.userId, action: 'dead_letters_replayed', appId: app.id, detail });
    return { replayed };
  }
}

function deadLetterDto({ id, code, reason, storedId, envelope, createdAt }: StoredLetter): DeadLetterDto {
  return {
    id: formatUuid(id),
    code,
    reason: reason.toString(),
    storedId: storedId && formatUuid(storedId),
    ...eventOf(envelope),
    entry: envelope.toString(),
    createdAt: createdAt.toISOString(),
  };
}

/** Bytes of the letter as JSON, by the entry in it. */
function letterBytes({ envelope }: StoredLetter): number {
  return Buffer.byteLength(JSON.stringify(envelope.toString()));
}

/** What the entry tells of its event; nulls where it cannot be read. */
function eventOf(envelope: Buffer): Pick<DeadLetterDto, 'event' | 'eventId' | 'occurredAt' | 'receivedAt'> {
  try {
    const { event, eventId = null, occurredAt, receivedAt } = decodeEnvelope(envelope.toString());
    const times = { occurredAt: new Date(occurredAt).toISOString(), receivedAt: new Date(receivedAt).toISOString() };
    return { event, eventId, ...times };
  } catch (error) {
    if (error instanceof EnvelopeError) return { event: null, eventId: null, occurredAt: null, receivedAt: null };
    throw error;
  }
}

export function eventName(envelope: Buffer): string | null {
  return eventOf(envelope).event;
}

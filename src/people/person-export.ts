import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Event, UserAnalytics } from '../database/entities/index.js';
import { formatUuid } from '../events/event-id.js';
import type { Metadata } from '../events/event.js';
import { isOwn, peopleOf, userKeysOf } from '../events/person.js';
import type { PersonEventDto, PersonExportDto, PersonProfileDto } from './people.dto.js';

const PAGE = 500;

/** From a moment on, in the order of the index events_user; events of one moment by their ids. */
const EVENTS = `SELECT id, occurred_at AS occurredAt FROM events
WHERE app_id = ? AND user_key = ? AND (occurred_at > ? OR (occurred_at = ? AND id > ?))
ORDER BY occurred_at, id LIMIT ?`;
const LETTERS = 'SELECT id, envelope FROM dead_letters WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?';

/** Writes out what an app knows of a person, page by page, so that its length does not matter. */
@Injectable()
export class PersonExport {
  constructor(private readonly dataSource: DataSource) {}

  /** JSON text of a {@link PersonExportDto}, in pieces. @param appId 32 hex digits */
  async *write(appId: string, userId: string): AsyncGenerator<string> {
    const keys = userKeysOf(userId);
    const head = { userId, appId: formatUuid(appId), exportedAt: new Date().toISOString() };
    const profiles = await this.profiles(appId, keys);
    yield `${JSON.stringify({ ...head, profiles } satisfies Partial<PersonExportDto>).slice(0, -1)},"events":[`;
    yield* commaSeparated(this.events(appId, keys));
    yield '],"deadLetters":[';
    yield* commaSeparated(this.deadLetters(appId, new Map(keys.map((key) => [key, Infinity]))));
    yield ']}';
  }

  private async profiles(appId: string, keys: readonly string[]): Promise<PersonProfileDto[]> {
    const people = this.dataSource.getRepository(UserAnalytics);
    const rows = await Promise.all(keys.map((userKey) => people.findOneBy({ appId, userKey })));
    return rows.filter((row) => row !== null).map(profileDto);
  }

  private async *events(appId: string, keys: readonly string[]): AsyncGenerator<PersonEventDto> {
    const app = Buffer.from(appId, 'hex');
    const events = this.dataSource.getRepository(Event);
    for (const key of keys) {
      let last: { id: Buffer; occurredAt: Date } = { id: Buffer.alloc(16), occurredAt: new Date(0) };
      for (let size = PAGE; size === PAGE;) {
        const { id, occurredAt } = last;
        const parameters = [app, Buffer.from(key, 'hex'), occurredAt, occurredAt, id, PAGE];
        const page: (typeof last)[] = await this.dataSource.query(EVENTS, parameters);
        const ids = page.map((row) => row.id.toString('hex'));
        const found = new Map((await events.findBy(ids.map((one) => ({ appId, id: one })))).map((e) => [e.id, e]));
        for (const one of ids) {
          const event = found.get(one);
          if (event) yield eventDto(event);
        }
        size = page.length;
        last = page.at(-1) ?? last;
      }
    }
  }

  private async *deadLetters(appId: string, keys: ReadonlyMap<string, number>): AsyncGenerator<string> {
    let last = Buffer.alloc(16);
    for (let size = PAGE; size === PAGE;) {
      const page: { id: Buffer; envelope: Buffer }[] = await this.dataSource.query(LETTERS, [
        Buffer.from(appId, 'hex'),
        last,
        PAGE,
      ]);
      for (const { envelope } of page) if (isOwn(peopleOf(envelope.toString()), keys)) yield envelope.toString();
      size = page.length;
      last = (page.at(-1)?.id ?? last) as typeof last;
    }
  }
}

async function* commaSeparated(items: AsyncGenerator<unknown>): AsyncGenerator<string> {
  let first = true;
  for await (const item of items) {
    yield `${first ? '' : ','}${JSON.stringify(item)}`;
    first = false;
  }
}

function profileDto(row: UserAnalytics): PersonProfileDto {
  return {
    kind: row.userKind,
    totalEvents: row.totalEvents,
    firstSeen: row.firstSeen.toISOString(),
    lastSeen: row.lastSeen.toISOString(),
    device: row.device,
    browser: row.browser,
    os: row.os,
    ipAddress: row.ip,
  };
}

function eventDto(event: Event): PersonEventDto {
  return {
    id: formatUuid(event.id),
    eventId: event.eventId,
    event: event.event,
    timestamp: event.occurredAt.toISOString(),
    receivedAt: event.receivedAt.toISOString(),
    userId: event.userId,
    anonymousId: event.anonymousId,
    sessionId: event.sessionId,
    url: event.url,
    referrer: event.referrer,
    device: event.device,
    browser: event.browser,
    os: event.os,
    userAgent: event.userAgent,
    ipAddress: event.ip,
    metadata: event.metadata === null ? null : (JSON.parse(event.metadata) as Metadata),
  };
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Asker } from '../questions/asker.js';
import { Questions } from '../questions/questions.js';
import { unparsedDto } from '../analytics/event-list.dto.js';
import { ExportPace } from '../analytics/export-pace.js';
import { LISTED_COLUMNS, listed, type ListedRow } from '../analytics/queries/listed-event.js';
import { binary } from '../database/binary.js';
import { UserAnalytics } from '../database/entities/index.js';
import { formatUuid } from '../events/event-id.js';
import { isOwn, peopleOf, userKeysOf } from '../events/person.js';
import type { PersonEventDto, PersonExportDto, PersonProfileDto } from './people.dto.js';

/** Events in one statement: 3 MiB at the most, since the metadata of one takes up to 32 KiB. */
const EVENTS_AT_ONCE = 100;
/** Dead letters in one statement. */
const LETTERS_AT_ONCE = 100;

/** From a moment on, in the order of the index events_user; events of one moment by their ids. */
const EVENTS = `SELECT ${LISTED_COLUMNS} FROM events
WHERE app_id = ? AND user_key = ? AND (occurred_at > ? OR (occurred_at = ? AND id > ?))
ORDER BY occurred_at, id LIMIT ?`;
const LETTERS = 'SELECT id, envelope FROM dead_letters WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?';

interface Letter {
  id: Buffer;
  envelope: Buffer;
}

type ExportAsker = Pick<Asker, 'account' | 'gone'>;

/** Writes out what an app knows of a person, page by page: memory does not grow with the number of events. */
@Injectable()
export class PersonExport {
  constructor(
    private readonly questions: Questions,
    private readonly pace: ExportPace,
  ) {}

  /**
   * JSON text of a {@link PersonExportDto}, in pieces.
   * @param asker whose `gone` stops it
   * @param appId 32 hex digits
   */
  async *write(asker: ExportAsker, appId: string, userId: string): AsyncGenerator<string> {
    const keys = userKeysOf(userId);
    const head = { userId, appId: formatUuid(appId), exportedAt: new Date().toISOString() };
    const profiles = await this.page(asker, (manager) => profilesOf(manager, appId, keys));
    yield `${JSON.stringify({ ...head, profiles } satisfies Partial<PersonExportDto>).slice(0, -1)},"events":[`;
    yield* commaSeparated(this.events(asker, appId, keys));
    yield '],"deadLetters":[';
    yield* commaSeparated(this.deadLetters(asker, appId, new Map(keys.map((key) => [key, Infinity]))));
    yield ']}';
  }

  /** One statement, in the account's turn: the open streams limit how many exports there are. */
  private page<T>(asker: ExportAsker, read: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.questions.ask(asker, { apps: 1, isPatient: true }, read);
  }

  private async *events(asker: ExportAsker, appId: string, keys: readonly string[]): AsyncGenerator<string> {
    for (const key of keys) {
      let last: Pick<ListedRow, 'id' | 'occurred_at'> = { id: Buffer.alloc(16), occurred_at: new Date(0) };
      for (let size = EVENTS_AT_ONCE; size === EVENTS_AT_ONCE;) {
        const { id, occurred_at: at } = last;
        const parameters = [binary(appId), binary(key), at, at, id, EVENTS_AT_ONCE];
        const page = await this.page<ListedRow[]>(asker, (manager) => manager.query(EVENTS, parameters));
        yield* this.pace.pieces(page, eventText, ',');
        size = page.length;
        last = page.at(-1) ?? last;
      }
    }
  }

  private async *deadLetters(
    asker: ExportAsker,
    appId: string,
    keys: ReadonlyMap<string, number>,
  ): AsyncGenerator<string> {
    let last = Buffer.alloc(16);
    for (let size = LETTERS_AT_ONCE; size === LETTERS_AT_ONCE;) {
      const parameters = [binary(appId), last, LETTERS_AT_ONCE];
      const page = await this.page<Letter[]>(asker, (manager) => manager.query(LETTERS, parameters));
      const write = ({ envelope }: Letter) =>
        isOwn(peopleOf(envelope.toString()), keys) ? JSON.stringify(envelope.toString()) : undefined;
      yield* this.pace.pieces(page, write, ',');
      size = page.length;
      last = (page.at(-1)?.id ?? last) as typeof last;
    }
  }
}

/** @param items JSON text each, of one entry or of several with commas between them */
async function* commaSeparated(items: AsyncGenerator<string>): AsyncGenerator<string> {
  let first = true;
  for await (const item of items) {
    yield `${first ? '' : ','}${item}`;
    first = false;
  }
}

async function profilesOf(manager: EntityManager, appId: string, keys: readonly string[]): Promise<PersonProfileDto[]> {
  const rows: UserAnalytics[] = [];
  for (const userKey of keys) rows.push(...(await manager.findBy(UserAnalytics, { appId, userKey })));
  return rows.map(profileDto);
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
    ip: row.ip,
    ipAddress: row.ip,
  };
}

/** Metadata is JSON already, and goes in as it is: parsed, a page of the largest would take much more memory. */
function eventText(row: ListedRow): string {
  const { metadata, ...rest } = unparsedDto(listed(row));
  const fields: Omit<PersonEventDto, 'metadata'> = { ...rest, timestamp: rest.occurredAt, ipAddress: rest.ip };
  return `${JSON.stringify(fields).slice(0, -1)},"metadata":${metadata ?? 'null'}}`;
}

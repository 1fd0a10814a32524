import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { BufferKeys, LIST_COUNT } from '../buffer/buffer-keys.js';
import { UnavailableError } from '../common/app-error.js';
import { encodeReplayOrder } from '../events/replay-order.js';

/** Letters read and put into the buffer at a time. */
const AT_ONCE = 200;
/**
 * Another event has its id, or it has expired: trying again cannot help, so it is done only where it is asked for by id or
 * by code.
 */
const HOPELESS = ['id_conflict', 'too_old'];

const LETTERS = `SELECT LOWER(HEX(id)) AS id, LOWER(HEX(app_id)) AS appId, LOWER(HEX(stored_id)) AS storedId, code,
  reason, envelope, created_at AS createdAt FROM dead_letters`;

/** Every id is 32 hex digits. */
export interface StoredLetter {
  id: string;
  /** Null where the entry could not be read. */
  appId: string | null;
  storedId: string | null;
  code: string;
  reason: Buffer;
  /** The entry as it lay in the buffer. */
  envelope: Buffer;
  createdAt: Date;
}

/** Which dead letters; every id 32 hex digits. */
export interface Selection {
  /** Undefined: of every app, also those whose app could not be read (for operators). */
  appId?: string;
  ids?: readonly string[];
  code?: string;
}

/** A condition of SQL with the values bound to it. */
type Condition = [sql: string, ...values: unknown[]];

/** Looks at dead letters and puts them into the buffer again. It never writes to `dead_letters`: processing does. */
@Injectable()
export class DeadLettersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly redis: Redis,
    private readonly keys: BufferKeys,
  ) {}

  /** Newest first. @param before only those older than this letter */
  list(selection: Selection, limit: number, before?: string): Promise<StoredLetter[]> {
    const older: Condition[] = before ? [['id < ?', binary(before)]] : [];
    return this.read([...conditions(selection), ...older], 'DESC', limit);
  }

  /**
   * Puts the letters there are now into the buffer. A letter goes away in the transaction that stores its event; until
   * then it stays, and a second replay of it does nothing twice.
   * @returns how many
   * @throws UnavailableError when Redis does not answer: what was put in before that stays in
   */
  async replay(selection: Selection, progress?: (replayed: number) => void): Promise<number> {
    const which = conditions(selection);
    if (!selection.ids && !selection.code) which.push(['code NOT IN (?)', HOPELESS]);
    const [newest] = await this.read(which, 'DESC', 1);
    if (!newest) return 0;
    which.push(['id <= ?', binary(newest.id)]);
    let replayed = 0;
    let page = await this.read(which, 'ASC', AT_ONCE);
    for (let list = 0; page.length > 0; list = (list + 1) % LIST_COUNT) {
      await this.push(list, page);
      replayed += page.length;
      progress?.(replayed);
      page = await this.read([...which, ['id > ?', binary(page.at(-1)!.id)]], 'ASC', AT_ONCE);
    }
    return replayed;
  }

  private read(which: Condition[], order: 'ASC' | 'DESC', limit: number): Promise<StoredLetter[]> {
    const where = which.map(([sql]) => ` AND ${sql}`).join('');
    const values = which.flatMap(([, ...bound]) => bound);
    return this.dataSource.query(`${LETTERS} WHERE TRUE${where} ORDER BY id ${order} LIMIT ?`, [...values, limit]);
  }

  private async push(list: number, letters: StoredLetter[]): Promise<void> {
    const now = Date.now();
    const orders = letters.map(({ id, envelope }) => encodeReplayOrder(id, envelope.toString(), now));
    try {
      await this.redis.rpush(this.keys.pending(list), ...orders);
    } catch (error) {
      throw new UnavailableError('buffer_unavailable', 'Redis does not answer just now. Replay again later.', 5, error);
    }
  }
}

function conditions({ appId, ids, code }: Selection): Condition[] {
  return [
    ...(appId ? [['app_id = ?', binary(appId)] as Condition] : []),
    ...(ids ? [['id IN (?)', ids.map(binary)] as Condition] : []),
    ...(code ? [['code = ?', code] as Condition] : []),
  ];
}

function binary(id: string): Buffer {
  return Buffer.from(id, 'hex');
}

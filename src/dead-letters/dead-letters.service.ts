import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { DataSource, type EntityManager } from 'typeorm';
import { BufferKeys, NO_ACCOUNT } from '../buffer/buffer-keys.js';
import { bufferFull, shareExceeded } from '../buffer/buffer-refusals.js';
import { BufferRoom } from '../buffer/buffer-room.js';
import { BufferWriter } from '../buffer/buffer-writer.js';
import { LuaScript } from '../buffer/lua-script.js';
import { ConflictError, UnavailableError } from '../common/app-error.js';
import { appFences } from '../database/app-fences.js';
import { binaries, binary } from '../database/binary.js';
import { isNamed, isOwn, peopleOf } from '../events/person.js';
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
const OWNERS = `SELECT LOWER(HEX(id)) AS appId, LOWER(HEX(owner_id)) AS ownerId FROM apps WHERE id IN (?)`;

/** KEYS lease · ARGV its holder */
const GIVE_UP = new LuaScript<number>(
  `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
);

/** How long a replay keeps others of the same app away after it was last heard of, ms. */
const REPLAY_LEASE_MS = 60_000;

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
    private readonly writer: BufferWriter,
    private readonly room: BufferRoom,
  ) {}

  /** Newest first. @param before only those older than this letter @param manager of the connection that asks */
  list(
    selection: Selection,
    limit: number,
    before?: string,
    manager: EntityManager = this.dataSource.manager,
  ): Promise<StoredLetter[]> {
    const older: Condition[] = before ? [['id < ?', binary(before)]] : [];
    return this.read([...conditions(selection), ...older], 'DESC', limit, manager);
  }

  /**
   * Puts the letters there are now into the buffer. A letter goes away in the transaction that stores its event; until
   * then it stays, and a second replay of it does nothing twice.
   * @returns how many
   * @throws ConflictError while another replay of the app goes on; UnavailableError when Redis does not answer or has no
   *   room, AppError 429 when the account has used up its share of it: what was put in before that stays in
   */
  async replay(selection: Selection, progress?: (replayed: number) => void): Promise<number> {
    const key = this.keys.replay(selection.appId ?? 'all');
    const lease = randomUUID();
    const alone = await this.asked(() => this.redis.set(key, lease, 'PX', REPLAY_LEASE_MS, 'NX'));
    if (!alone) throw new ConflictError('replay_under_way', 'A replay of this app goes on already. Wait for its end.');
    try {
      return await this.replayAll(selection, key, progress);
    } finally {
      // It lapses by itself where Redis is away; ours may have lapsed already, and be somebody else's.
      await GIVE_UP.run(this.redis, [key], [lease]).catch(() => undefined);
    }
  }

  private async replayAll(selection: Selection, key: string, progress?: (replayed: number) => void): Promise<number> {
    const which = conditions(selection);
    if (!selection.ids && !selection.code) which.push(['code NOT IN (?)', HOPELESS]);
    const [newest] = await this.read(which, 'DESC', 1);
    if (!newest) return 0;
    which.push(['id <= ?', binary(newest.id)]);
    let replayed = 0;
    let page = await this.read(which, 'ASC', AT_ONCE);
    while (page.length > 0) {
      replayed += await this.push(page);
      progress?.(replayed);
      await this.asked(() => this.redis.pexpire(key, REPLAY_LEASE_MS));
      page = await this.read([...which, ['id > ?', binary(page.at(-1)!.id)]], 'ASC', AT_ONCE);
    }
    return replayed;
  }

  private read(
    which: Condition[],
    order: 'ASC' | 'DESC',
    limit: number,
    manager: EntityManager = this.dataSource.manager,
  ): Promise<StoredLetter[]> {
    const where = which.map(([sql]) => ` AND ${sql}`).join('');
    const values = which.flatMap(([, ...bound]) => bound);
    return manager.query(`${LETTERS} WHERE TRUE${where} ORDER BY id ${order} LIMIT ?`, [...values, limit]);
  }

  private async push(letters: StoredLetter[]): Promise<number> {
    const { roomBytes, redisNearlyFull } = await this.asked(() => this.room.measure());
    if (redisNearlyFull) throw bufferFull();
    return this.dataSource.transaction(async (manager) => {
      const left = await this.withoutErased(manager, letters);
      const now = Date.now();
      for (const [account, own] of await byAccount(manager, left)) {
        const orders = own.map(({ id, envelope }) => encodeReplayOrder(id, envelope.toString(), now));
        const { outcome } = await this.asked(() => this.writer.append(account, orders, now, roomBytes));
        if (outcome === 'full') throw bufferFull();
        if (outcome === 'share_exceeded') throw shareExceeded();
      }
      return left.length;
    });
  }

  /**
   * Letters of apps and people that are being erased stay where the erasure finds them. Whoever orders one waits for this
   * transaction, and then finds in the buffer what was put there.
   */
  private async withoutErased(manager: EntityManager, letters: StoredLetter[]): Promise<StoredLetter[]> {
    const fences = await appFences(manager, [...new Set(letters.flatMap(({ appId }) => appId ?? []))]);
    return letters.filter(({ appId, envelope }) => {
      const fence = appId === null ? undefined : fences.get(appId);
      if (!fence || fence.deleted) return !fence;
      if (fence.tombstones.size === 0) return true;
      const people = peopleOf(envelope.toString());
      return !isOwn(people, fence.tombstones) && !isNamed(people, fence.tombstones);
    });
  }

  /** @throws UnavailableError when Redis does not answer */
  private async asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw new UnavailableError('buffer_unavailable', 'Redis does not answer just now. Replay again later.', 5, error);
    }
  }
}

/** The letters by the account that owns their app now; NO_ACCOUNT where the app cannot be told. */
async function byAccount(
  manager: EntityManager,
  letters: readonly StoredLetter[],
): Promise<Map<string, StoredLetter[]>> {
  const ids = [...new Set(letters.flatMap(({ appId }) => appId ?? []))];
  const rows: { appId: string; ownerId: string }[] =
    ids.length === 0 ? [] : await manager.query(OWNERS, [binaries(ids)]);
  const owners = new Map(rows.map(({ appId, ownerId }) => [appId, ownerId]));
  const found = new Map<string, StoredLetter[]>();
  for (const letter of letters) {
    const account = (letter.appId && owners.get(letter.appId)) || NO_ACCOUNT;
    found.set(account, [...(found.get(account) ?? []), letter]);
  }
  return found;
}

function conditions({ appId, ids, code }: Selection): Condition[] {
  return [
    ...(appId ? [['app_id = ?', binary(appId)] as Condition] : []),
    ...(ids ? [['id IN (?)', binaries(ids)] as Condition] : []),
    ...(code ? [['code = ?', code] as Condition] : []),
  ];
}

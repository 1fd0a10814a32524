import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { DataSource, EntityManager, LessThan, Repository } from 'typeorm';
import { OwnedApps } from '../access/owned-apps.service.js';
import { AuditLog, type Deed } from '../audit-log/audit-log.js';
import type { AuditAction } from '../database/entities/audit-entry.entity.js';
import { ConflictError, InvalidInputError, NotFoundError, UnauthorizedError } from '../common/app-error.js';
import type { KeyCaller } from '../common/caller.js';
import { TokenRing } from '../common/token-ring.js';
import { Env } from '../config/env.js';
import { holdAccount } from '../database/account-lock.js';
import { binary } from '../database/binary.js';
import { ApiKey, type App } from '../database/entities/index.js';
import { CONTROL } from '../database/pools.js';
import { formatUuid, parseUuid, uuidV7 } from '../events/event-id.js';
import { DAY_MS } from '../events/limits.js';
import { parseTimestamp } from '../events/timestamp.js';
import { RegistryService } from '../registry/registry.service.js';
import type {
  CreateKeyDto,
  IssuedKeyDto,
  KeyDto,
  KeyListDto,
  KeysQuery,
  RegenerateKeyDto,
  RevokeKeyDto,
  SelfDto,
} from './api-key.dto.js';
import { expiryNotice } from './expiry-notice.js';
import { assertRoomForKey } from './key-room.js';
import { NEW_CLAIMS, signKey } from '../access/key-token.js';

const READ_KEY_DAYS = 365;
/** How far ahead a key may expire, in days: 100 years. MySQL and tokens count no further than the year 9999. */
const KEY_MAX_DAYS = 36_525;

/** Of two ends at once the earlier counts, whichever is written last. In the database's time, as all processes read it. */
const END_KEY = `UPDATE api_keys SET revoked_at = LEAST(
  COALESCE(revoked_at, UTC_TIMESTAMP(3) + INTERVAL ? SECOND), UTC_TIMESTAMP(3) + INTERVAL ? SECOND) WHERE id = ?`;

/** What of a new key the caller may choose. */
type KeyWish = Pick<CreateKeyDto, 'name' | 'scopes' | 'expiresAt' | 'allowedOrigins'>;

/** API keys (analytics tokens) of the owner's apps: made, listed, shown again, replaced, revoked. */
@Injectable()
export class ApiKeyService {
  private readonly ring: TokenRing;

  constructor(
    @InjectRepository(ApiKey) private readonly keys: Repository<ApiKey>,
    @InjectDataSource(CONTROL) private readonly control: DataSource,
    private readonly owned: OwnedApps,
    private readonly registry: RegistryService,
    private readonly audit: AuditLog,
    env: Env,
    jwt: JwtService,
  ) {
    this.ring = new TokenRing(jwt, env.keyTokenSecrets!, 'analytics');
  }

  async create(ownerId: string, { appId, ...wish }: CreateKeyDto): Promise<IssuedKeyDto> {
    const app = await this.owned.one(ownerId, appId);
    return this.keys.manager.transaction(async (manager) => {
      await holdAccount(manager, ownerId);
      await assertRoomForKey(app.id, this.ring.kids, manager);
      const key = await this.issue(app, wish, manager);
      const detail = { scopes: wish.scopes ?? ['write'] };
      await this.note('key_created', ownerId, app.id, parseUuid(key.keyId)!, manager, detail);
      return key;
    });
  }

  /** Makes a key of an app that is known to be the caller's. */
  async issue(app: App, wish: Partial<KeyWish>, manager: EntityManager = this.keys.manager): Promise<IssuedKeyDto> {
    const now = wholeSeconds(Date.now());
    const scopes = wish.scopes ?? ['write'];
    const key = this.keys.create({
      id: uuidV7(Date.now()),
      appId: app.id,
      name: wish.name ?? 'Key',
      scopes,
      allowedOrigins: [...new Set((wish.allowedOrigins ?? []).map((origin) => new URL(origin).origin))],
      kid: this.ring.kid,
      claims: NEW_CLAIMS,
      issuedAt: new Date(now),
      expiresAt: expiry(wish.expiresAt, scopes.includes('read'), now),
      lastUsedAt: null,
      revokedAt: null,
    });
    const apiKey = signKey(this.ring, key, app.ownerId)!;
    key.last4 = apiKey.slice(-4);
    await manager.insert(ApiKey, key);
    return issued(apiKey, key);
  }

  /** Newest first: ids begin with their time. */
  async list(ownerId: string, { appId, cursor, limit }: KeysQuery): Promise<KeyListDto> {
    const app = await this.owned.one(ownerId, appId);
    const size = limit!;
    const found = await this.keys.find({
      where: { appId: app.id, ...(cursor ? { id: LessThan(parseUuid(cursor)!) } : {}) },
      order: { id: 'DESC' },
      take: size + 1,
    });
    const keys = found.slice(0, size).map(keyDto);
    return { keys, nextCursor: found.length > size ? keys.at(-1)!.keyId : null };
  }

  /** A write-only key once more, signed again from what is kept of it. @throws ConflictError where that cannot be */
  async reveal(ownerId: string, keyId: string): Promise<IssuedKeyDto> {
    const key = await this.ownedKey(ownerId, keyId);
    if (key.scopes.includes('read')) {
      throw new ConflictError(
        'key_can_read',
        'A key that can read is shown once, when it is made. Regenerate it to get a new one.',
      );
    }
    if (isOver(key)) throw new ConflictError('key_over', 'This key is revoked or expired. Create a new one.');
    const apiKey = signKey(this.ring, key, ownerId);
    if (!apiKey) {
      throw new ConflictError(
        'key_secret_gone',
        'The secret that signed this key was taken away, and the key with it. Create a new one.',
      );
    }
    await this.note('key_revealed', ownerId, key.appId, key.id);
    return issued(apiKey, key);
  }

  /**
   * A new key like the old one, which dies after the overlap.
   * @param beforeReading is asked where the new key can read, and throws to refuse it
   */
  async regenerate(
    ownerId: string,
    { keyId, ...wish }: RegenerateKeyDto,
    beforeReading: () => Promise<void>,
  ): Promise<IssuedKeyDto> {
    const overlapSeconds = wish.overlapSeconds ?? 0;
    const old = await this.ownedKey(ownerId, keyId);
    if (old.scopes.includes('read')) await beforeReading();
    if (isOver(old)) throw new ConflictError('key_over', 'This key is revoked or expired. Create a new one.');
    // A key from before there was a limit may have more to pass on.
    const lifetime = old.expiresAt
      ? Math.min(old.expiresAt.getTime() - old.issuedAt.getTime(), KEY_MAX_DAYS * DAY_MS)
      : undefined;
    const made = await this.keys.manager.transaction(async (manager) => {
      const like = {
        name: old.name,
        scopes: old.scopes,
        allowedOrigins: old.allowedOrigins,
        expiresAt: lifetime === undefined ? null : new Date(Date.now() + lifetime).toISOString(),
      };
      await holdAccount(manager, ownerId);
      await this.end(old, overlapSeconds, manager);
      await assertRoomForKey(old.app!.id, this.ring.kids, manager);
      const key = await this.issue(old.app!, like, manager);
      const detail = { newKeyId: key.keyId, overlapSeconds };
      await this.note('key_regenerated', ownerId, old.appId, old.id, manager, detail);
      return key;
    });
    await this.registry.announce();
    return made;
  }

  /** Refused everywhere within a second. Revoking twice is no error. */
  async revoke(ownerId: string, { apiKey, keyId }: RevokeKeyDto): Promise<void> {
    if (Boolean(apiKey) === Boolean(keyId)) {
      throw new InvalidInputError([{ field: 'keyId', message: 'or apiKey must be given, one of the two' }]);
    }
    const key = await this.ownedKey(ownerId, keyId ?? this.idIn(apiKey!), this.control.manager);
    await this.control.transaction(async (manager) => {
      if (await this.end(key, 0, manager)) await this.note('key_revoked', ownerId, key.appId, key.id, manager);
    });
    await this.registry.announce();
  }

  /** What a program may know of its own key. */
  async self(caller: KeyCaller): Promise<SelfDto> {
    const key = await this.keys.findOne({ where: { id: caller.keyId }, relations: { app: true } });
    if (!key) throw new UnauthorizedError('key_revoked', 'This key is gone.');
    const { name, scopes, allowedOrigins } = key;
    return {
      keyId: formatUuid(key.id),
      name,
      app: { id: formatUuid(key.appId), name: key.app!.name },
      scopes,
      expiresAt: key.expiresAt?.toISOString() ?? null,
      allowedOrigins,
    };
  }

  /** @returns whether the key ends earlier than it would have */
  private async end({ id }: ApiKey, inSeconds: number, manager: EntityManager): Promise<boolean> {
    const ended: { affectedRows: number } = await manager.query(END_KEY, [inSeconds, inSeconds, binary(id)]);
    return ended.affectedRows > 0;
  }

  private note(
    action: AuditAction,
    userId: string,
    appId: string,
    subjectId: string,
    manager?: EntityManager,
    detail?: Deed['detail'],
  ): Promise<void> {
    return this.audit.note({ userId, action, appId, subjectId, detail }, manager);
  }

  /** @throws NotFoundError for a foreign or unknown key, and for one of a deleted app */
  private async ownedKey(ownerId: string, keyId: string, manager = this.keys.manager): Promise<ApiKey> {
    const id = parseUuid(keyId);
    const key = id ? await manager.findOne(ApiKey, { where: { id }, relations: { app: true } }) : null;
    if (!key?.app || key.app.ownerId !== ownerId || key.app.deletedAt) {
      throw new NotFoundError('You have no key with this id. GET /api/auth/api-key?app_id= lists those of an app.');
    }
    return key;
  }

  private idIn(apiKey: string): string {
    try {
      return String(this.ring.verify(apiKey.replace(/\s+/g, '')).jti);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      throw new InvalidInputError([{ field: 'apiKey', message: `is no key that works: ${error.detail}` }]);
    }
  }
}

/** Keys that can read expire after a year unless told; write-only ones, which sit in web pages, do not. */
function expiry(wish: string | null | undefined, canRead: boolean, now: number): Date | null {
  if (wish === null) return null;
  if (wish === undefined) return canRead ? new Date(now + READ_KEY_DAYS * DAY_MS) : null;
  const time = wholeSeconds(parseTimestamp(wish)!);
  if (time <= now) throw new InvalidInputError([{ field: 'expiresAt', message: 'must be in the future' }]);
  if (time > now + KEY_MAX_DAYS * DAY_MS) {
    throw new InvalidInputError([{ field: 'expiresAt', message: 'must be at most 100 years ahead' }]);
  }
  return new Date(time);
}

function isOver(key: ApiKey): boolean {
  const now = Date.now();
  return (key.revokedAt?.getTime() ?? Infinity) <= now || (key.expiresAt?.getTime() ?? Infinity) <= now;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function issued(apiKey: string, key: ApiKey): IssuedKeyDto {
  return { apiKey, keyId: formatUuid(key.id), expiresAt: key.expiresAt?.toISOString() ?? null };
}

function keyDto(key: ApiKey): KeyDto {
  return {
    keyId: formatUuid(key.id),
    appId: formatUuid(key.appId),
    name: key.name,
    last4: key.last4,
    scopes: key.scopes,
    allowedOrigins: key.allowedOrigins,
    issuedAt: key.issuedAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    notice: isOver(key) ? null : expiryNotice(key.expiresAt, Date.now()),
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  };
}

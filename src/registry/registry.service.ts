import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Redis } from 'ioredis';
import { DataSource, type QueryRunner } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';
import { CONTROL } from '../database/pools.js';
import { onOneConnection } from '../database/silence.js';
import { utcDay } from '../events/distinct-user.js';
import type { IpMode } from '../events/ip-mode.js';
import { DAY_MS, MINUTE_MS } from '../events/limits.js';
import type { Platform } from '../events/platform.js';
import { type AccountBar, keyBar } from './account-bar.js';
import { AddressNames } from './address-names.js';
import { isOldApp, RevokedKeys } from './revoked-keys.js';

/** What collect must know of an app without asking MySQL. */
export interface AppState {
  ownerId: string;
  ipMode: IpMode;
  platform?: Platform;
  /** IANA name. */
  timeZone: string;
  retentionDays: number | null;
  /** ms: what retention has deleted up to; undefined: nothing. */
  deletedBefore?: number;
  deleted: boolean;
}

/** Rows changed this long ago are read again: a commit may follow its timestamp. */
const OVERLAP_S = 60;
const SECRETS_EVERY_MS = 60_000;
/** How often deleted apps and keys that can no longer verify are forgotten. */
const FORGET_EVERY_MS = 60_000;
/** Apps remembered that MySQL does not know: only keys that were signed here come so far, as after a restored backup. */
const ASKED_MAX = 10_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How far the calendars of the world are ahead of UTC's at most (Kiritimati), and behind it (Baker Island). */
const AHEAD_OF_UTC_MS = 14 * HOUR_MS;
const BEHIND_UTC_MS = 12 * HOUR_MS;
/** MySQL is not waited for longer: what was revoked meanwhile would be taken. */
const SILENCE_MS = 3000;

const APPS = `SELECT id, owner_id, ip_mode, platform, time_zone, retention_days, deleted_before, deleted_at IS NOT NULL AS deleted
FROM apps`;
const LIVE_APPS = `${APPS} WHERE deleted_at IS NULL`;
const CHANGED_APPS = `${APPS} WHERE updated_at >= UTC_TIMESTAMP(3) - INTERVAL ? SECOND`;
const ACCOUNTS = 'SELECT id, provider, email, domain, locked_at IS NOT NULL AS locked FROM users';
const CHANGED_ACCOUNTS = `${ACCOUNTS} WHERE updated_at >= UTC_TIMESTAMP(3) - INTERVAL ? SECOND`;

interface AppRow {
  id: Buffer;
  owner_id: Buffer;
  ip_mode: IpMode;
  platform: Platform | null;
  time_zone: string;
  retention_days: number | null;
  deleted_before: Date | null;
  deleted: number;
}

interface AccountRow {
  id: Buffer;
  provider: string;
  email: string;
  domain: string | null;
  locked: number;
}

/**
 * Revoked keys, apps, barred accounts and visitor secrets, held in memory by every API process. Read at start; then every
 * REGISTRY_POLL_MS the rows changed in the last 60 s, and at once when another process announces a change through
 * Redis. While MySQL is away the last state stays good for REGISTRY_MAX_AGE_MS.
 */
@Injectable()
export class RegistryService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly apps = new Map<string, AppState>();
  /** Account → its apps that are not deleted. */
  private readonly owned = new Map<string, Set<string>>();
  private readonly revoked: RevokedKeys;
  /** App id → when it was first asked for while it was not here. */
  private readonly asked = new Map<string, number>();
  /** Account id → why its keys are refused; an account that is not here is good. */
  private readonly barred = new Map<string, AccountBar>();
  private readonly visitorSecrets = new Map<string, Buffer>();
  /** Until those of MySQL are read. */
  private readonly ownSecret = randomBytes(32);
  private readonly addressNames = new AddressNames();
  private readonly channel: string;
  private subscriber?: Redis;
  private readonly task: PeriodicTask;
  private reading?: Promise<void>;
  private readAgain = false;
  private lastReadAt = 0;
  private secretsCheckedAt = 0;
  private forgotAt = 0;

  constructor(
    @InjectDataSource(CONTROL) private readonly dataSource: DataSource,
    private readonly redis: Redis,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.channel = `${env.redisKeyPrefix}registry`;
    this.revoked = new RevokedKeys((env.keyTokenSecrets ?? []).map(({ kid }) => kid));
    this.task = new PeriodicTask({
      name: 'registry',
      intervalMs: env.registryPollMs,
      run: () => this.readOrWarn(),
      logger,
    });
  }

  /** Whether revocations are known well enough to accept events. */
  get fresh(): boolean {
    return Date.now() - this.lastReadAt <= this.env.registryMaxAgeMs;
  }

  /** Ids are 32 hex digits. */
  isRevoked(keyId: string, appId: string): boolean {
    return this.revoked.has(keyId, appId);
  }

  /** Deleted apps are not remembered: an app that is not known is new, or was deleted. @param appId 32 hex digits */
  isDeleted(appId: string): boolean {
    const app = this.apps.get(appId);
    return app ? app.deleted : isOldApp(appId, this.lastReadAt);
  }

  /** Undefined for an app that was registered a moment ago elsewhere, or deleted. Ids are 32 hex digits. */
  app(appId: string): AppState | undefined {
    return this.apps.get(appId);
  }

  /** How many apps an account has. @param ownerId 32 hex digits */
  appCount(ownerId: string): number {
    return this.owned.get(ownerId)?.size ?? 0;
  }

  /**
   * Whether MySQL does not know an app either. The first question about an app that is not here makes the registry read
   * again, and is answered no: nobody waits for MySQL, and a good key of a new app is not refused.
   */
  isMissing(appId: string): boolean {
    const askedAt = this.asked.get(appId);
    if (askedAt !== undefined) return this.lastReadAt > askedAt;
    if (this.asked.size >= ASKED_MAX) this.asked.delete(this.asked.keys().next().value!);
    this.asked.set(appId, Date.now());
    void this.readOrWarn();
    return false;
  }

  /** Why the keys of an account are refused; undefined: they are good. @param accountId 32 hex digits */
  accountBar(accountId: string): AccountBar | undefined {
    return this.barred.get(accountId);
  }

  /** The secret behind cookieless visitor ids received on that day (YYYY-MM-DD), as the app's time zone has it. */
  visitorSecret(day: string): Buffer | undefined {
    return this.visitorSecrets.get(day);
  }

  /**
   * What stands for an address in Redis, where names end up in a file: a keyed hash that nobody can turn back once the
   * day's secret is deleted. An IPv6 address counts by its /64, since whoever has one has all of it.
   */
  addressName(address: string): string {
    const secret = this.visitorSecrets.get(utcDay(Date.now())) ?? this.ownSecret;
    return this.addressNames.nameOf(address, secret);
  }

  /** Called after a commit that others must hear of: reads it here, and tells every other process through Redis. */
  async announce(): Promise<void> {
    await this.read();
    // Without Redis the others find it at their next poll, within REGISTRY_POLL_MS.
    await this.redis.publish(this.channel, '1').catch((error: unknown) => {
      this.logger.warn({ err: error }, 'Could not announce a change; other processes find it at their next poll');
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.read();
    this.subscriber = this.redis.duplicate({ enableOfflineQueue: true, commandTimeout: undefined });
    this.subscriber.on('error', () => undefined); // the command connection reports that Redis is away
    this.subscriber.on('message', () => void this.readOrWarn());
    this.subscriber.on('ready', () => void this.subscriber?.subscribe(this.channel).catch(() => undefined));
    void this.subscriber.connect().catch(() => undefined);
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.subscriber?.disconnect();
    await this.task.stop();
  }

  private async readOrWarn(): Promise<void> {
    const wasFresh = this.fresh;
    try {
      await this.read();
    } catch (error) {
      if (this.task.stopping) return;
      const age = Math.round((Date.now() - this.lastReadAt) / 1000);
      const level = wasFresh && !this.fresh ? 'error' : 'debug';
      this.logger[level]({ err: error, ageS: age }, 'Cannot read revocations from MySQL');
    }
  }

  /** One read at a time; a call during a read waits for one that begins after it. */
  private async read(): Promise<void> {
    if (this.reading) {
      this.readAgain = true;
      await this.reading.catch(() => undefined);
      if (!this.readAgain) return this.reading;
      this.readAgain = false;
    }
    const silenceMs = Math.min(SILENCE_MS, this.env.mysqlTimeoutMs);
    this.reading = onOneConnection(this.dataSource, silenceMs, (runner) => this.readChanges(runner)).finally(
      () => (this.reading = undefined),
    );
    return this.reading;
  }

  private async readChanges(runner: QueryRunner): Promise<void> {
    const startedAt = Date.now();
    const since = this.lastReadAt === 0 ? null : Math.ceil((startedAt - this.lastReadAt) / 1000) + OVERLAP_S;
    const apps: AppRow[] = since === null ? await runner.query(LIVE_APPS) : await runner.query(CHANGED_APPS, [since]);
    const accounts: AccountRow[] =
      since === null ? await runner.query(ACCOUNTS) : await runner.query(CHANGED_ACCOUNTS, [since]);
    if (since === null) await this.revoked.readAll(runner);
    else await this.revoked.readChanges(runner, since);
    if (startedAt - this.secretsCheckedAt > SECRETS_EVERY_MS) await this.readVisitorSecrets(runner, startedAt);
    for (const row of apps) {
      this.asked.delete(row.id.toString('hex'));
      this.setApp(row.id.toString('hex'), {
        ownerId: row.owner_id.toString('hex'),
        ipMode: row.ip_mode,
        platform: row.platform ?? undefined,
        timeZone: row.time_zone,
        retentionDays: row.retention_days,
        deletedBefore: row.deleted_before?.getTime(),
        deleted: Number(row.deleted) === 1,
      });
    }
    for (const { id, locked, ...account } of accounts) {
      const bar = keyBar(this.env, { ...account, locked: Number(locked) === 1 });
      if (bar) this.barred.set(id.toString('hex'), bar);
      else this.barred.delete(id.toString('hex'));
    }
    this.lastReadAt = startedAt;
    if (startedAt - this.forgotAt > FORGET_EVERY_MS) await this.forget(runner, startedAt);
  }

  private async forget(runner: QueryRunner, now: number): Promise<void> {
    this.forgotAt = now;
    for (const [id, { deleted }] of this.apps) if (deleted && isOldApp(id, now)) this.apps.delete(id);
    await this.revoked.forget(runner, (appId) => !this.isDeleted(appId));
  }

  private setApp(id: string, state: AppState): void {
    this.apps.set(id, state);
    const own = this.owned.get(state.ownerId) ?? new Set();
    if (state.deleted) own.delete(id);
    else own.add(id);
    if (own.size > 0) this.owned.set(state.ownerId, own);
    else this.owned.delete(state.ownerId);
  }

  /**
   * Of each date that it is anywhere, and of the next one, made by whoever comes first. A date's secret is deleted an hour
   * after that day has ended everywhere, which is 37 hours after it began in UTC.
   */
  private async readVisitorSecrets(runner: QueryRunner, now: number): Promise<void> {
    const last = now + AHEAD_OF_UTC_MS + DAY_MS;
    const days = new Set([now - BEHIND_UTC_MS, now, now + AHEAD_OF_UTC_MS, last].map(utcDay));
    for (const day of days) {
      if (this.visitorSecrets.has(day)) continue;
      await runner.query('INSERT INTO visitor_secrets (day, secret) VALUES (?, ?) ON DUPLICATE KEY UPDATE day = day', [
        day,
        randomBytes(32),
      ]);
    }
    // Whose clock runs a little late still needs it.
    const ended = utcDay(now - BEHIND_UTC_MS - HOUR_MS - DAY_MS);
    await runner.query('DELETE FROM visitor_secrets WHERE day <= ?', [ended]);
    const rows: { day: string; secret: Buffer }[] = await runner.query('SELECT day, secret FROM visitor_secrets');
    this.visitorSecrets.clear();
    for (const row of rows) this.visitorSecrets.set(row.day, row.secret);
    this.secretsCheckedAt = now;
  }
}

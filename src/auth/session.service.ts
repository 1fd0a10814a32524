import { SessionCheck } from '../access/session-check.js';
import { AuditLog } from '../audit-log/audit-log.js';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { DataSource, type EntityManager, IsNull, LessThan, MoreThan, Repository } from 'typeorm';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { UnauthorizedError } from '../common/app-error.js';
import { InFlight } from '../common/in-flight.js';
import { TokenRing } from '../common/token-ring.js';
import { Env } from '../config/env.js';
import { holdAccount } from '../database/account-lock.js';
import { binary } from '../database/binary.js';
import { Session, User } from '../database/entities/index.js';
import { CONTROL } from '../database/pools.js';
import { parseUuid, uuidV7 } from '../events/event-id.js';
import { DAY_MS } from '../events/limits.js';
import type { SessionClient } from './session-client.js';

/** Seconds. */
export const ACCESS_TOKEN_S = 15 * 60;
export const REFRESH_TOKEN_S = 30 * 24 * 60 * 60;
/** How long the refresh token before the current one stays good, for tabs that race. In the database's time. */
const GRACE_S = 10;

/** What a sign-in or a renewal hands out. */
export interface SessionTokens {
  accessToken: string;
  /** The access token for the session cookie. Only it can be exchanged for a bearer token. */
  cookieToken: string;
  refreshToken: string;
  /** Seconds until the access token expires. */
  expiresIn: number;
  user: User;
}

/** How a session comes to be. */
export interface SessionOrigin extends SessionClient {
  /** When the person last proved who they are; left out: just now. */
  authenticatedAt?: Date;
}

/** Values: seconds until an unused session ends, days until any ends, id, generation, the days again. */
const ROTATE = `UPDATE sessions SET generation = generation + 1, rotated_at = UTC_TIMESTAMP(3),
  expires_at = LEAST(UTC_TIMESTAMP(3) + INTERVAL ? SECOND, created_at + INTERVAL ? DAY)
WHERE id = ? AND generation = ? AND ended_at IS NULL AND expires_at > UTC_TIMESTAMP(3)
  AND created_at > UTC_TIMESTAMP(3) - INTERVAL ? DAY`;

/** Renewals of one account that wait while another runs. */
const RENEWALS_WAITING = 20;

/** Told by the clock that wrote `rotated_at`: that of this process may be another. */
const RACED = `SELECT 1 FROM sessions
WHERE id = ? AND generation = ? + 1 AND rotated_at >= UTC_TIMESTAMP(3) - INTERVAL ? SECOND`;

/**
 * Begins, renews and ends sessions, and signs their tokens. A refresh token names its session and generation, so nothing
 * secret is stored. Whether a session is good is checked in access/session-check.ts.
 */
@Injectable()
export class SessionService {
  private readonly access: TokenRing;
  private readonly refresh: TokenRing;
  private readonly renewals = new InFlight(1, RENEWALS_WAITING);

  constructor(
    @InjectRepository(Session, CONTROL) private readonly sessions: Repository<Session>,
    @InjectDataSource(CONTROL) private readonly dataSource: DataSource,
    /** For what may wait for a row, which must not hold up other people's sessions. */
    private readonly usual: DataSource,
    private readonly env: Env,
    private readonly audit: AuditLog,
    private readonly check: SessionCheck,
    jwt: JwtService,
  ) {
    const ring = env.userTokenSecrets!;
    this.access = new TokenRing(jwt, ring, 'user');
    this.refresh = new TokenRing(jwt, ring, 'refresh');
  }

  /** @param manager of a transaction that holds the account */
  async begin(user: User, made: SessionOrigin, manager: EntityManager): Promise<SessionTokens> {
    const now = Date.now();
    const session = this.sessions.create({
      id: uuidV7(now),
      userId: user.id,
      provider: user.provider,
      generation: 1,
      rotatedAt: new Date(now),
      expiresAt: new Date(now + Math.min(REFRESH_TOKEN_S * 1000, this.env.sessionMaxDays * DAY_MS)),
      endedAt: null,
      ...made,
    });
    await manager.insert(Session, session);
    await this.audit.note({ userId: user.id, action: 'signed_in', subjectId: session.id }, manager);
    return this.tokens(session, user);
  }

  /**
   * A refresh token for the next one. The one before the current stays good for 10 s and gets the current tokens; a use
   * of an older one, or later, shows a copy in other hands and ends the whole family.
   * @throws UnauthorizedError
   */
  async renew(token: string): Promise<SessionTokens> {
    const claims = this.refresh.verify(token);
    return this.renewals.run(String(claims.sub), () => this.rotate(claims));
  }

  private async rotate(claims: Record<string, unknown>): Promise<SessionTokens> {
    const session = await this.check.find(claims);
    this.check.assertGood(session);
    const id = binary(session.id);
    const rotated: { affectedRows: number } = await this.dataSource.query(ROTATE, [
      ...[REFRESH_TOKEN_S, this.env.sessionMaxDays],
      ...[id, claims.gen, this.env.sessionMaxDays],
    ]);
    const good = rotated.affectedRows === 1 || (await this.raced(id, claims.gen));
    const current = await this.check.find(claims);
    this.check.assertGood(current);
    if (good) return this.tokens(current, current.user!);
    await this.end(session, 'refresh_token_reused');
    throw new UnauthorizedError(
      'key_revoked',
      'This refresh token was used before: the whole sign-in is ended for safety. Sign in again.',
      { accountId: session.userId },
    );
  }

  /** Ends the session behind a refresh token, whatever state it is in. */
  async endByRefreshToken(token: string): Promise<void> {
    const { sub, sid } = this.refresh.verify(token);
    await this.renewals.run(String(sub), () => this.signOut(sid));
  }

  /** Ends the session behind an access token, whatever state it is in. */
  async endByAccessToken(token: string): Promise<void> {
    const { sub, sid } = this.access.verify(token);
    await this.renewals.run(String(sub), () => this.signOut(sid));
  }

  /** The good sessions of a person, newest first. @param before only those older than this one; 32 hex digits */
  list(userId: string, limit: number, before?: string): Promise<Session[]> {
    const now = Date.now();
    return this.sessions.find({
      where: {
        userId,
        endedAt: IsNull(),
        expiresAt: MoreThan(new Date(now)),
        createdAt: MoreThan(new Date(now - this.env.sessionMaxDays * DAY_MS)),
        ...(before ? { id: LessThan(before) } : {}),
      },
      order: { id: 'DESC' },
      take: limit,
    });
  }

  /** Ends a session of a person, whatever state it is in. @returns whether it is theirs */
  async endOwn(userId: string, id: string): Promise<boolean> {
    const session = await this.sessions.findOneBy({ id, userId });
    if (session) await this.end(session, 'signed_out');
    return session !== null;
  }

  /** Ends every session of a person. */
  async endAll(userId: string): Promise<void> {
    await this.usual.transaction(async (manager) => {
      // A sign-in under way comes before this, and is ended, or begins a session after it.
      await holdAccount(manager, userId);
      const { affected } = await manager.update(Session, { userId, endedAt: IsNull() }, { endedAt: new Date() });
      if (affected) await this.audit.note({ userId, action: 'signed_out_everywhere' }, manager);
    });
  }

  /**
   * Ends the session that a browser held before it signed in again, where it was of the same person.
   * @param refreshToken whatever its cookie held
   */
  async endReplaced(refreshToken: string, userId: string): Promise<void> {
    try {
      const id = parseUuid(String(this.refresh.verify(refreshToken).sid));
      if (id) await this.endOwn(userId, id);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
    }
  }

  /**
   * A new access token of a good session.
   * @param via marks the one for the session cookie, so that a copied bearer token sent as a cookie is told apart
   */
  accessToken(sessionId: string, userId: string, via?: 'cookie'): string {
    const claims = { sub: userId, sid: sessionId, ...(via ? { via } : {}) };
    return this.access.sign(claims, { expiresInS: ACCESS_TOKEN_S })!;
  }

  /** Whether a generation is the one before the current, and was until a moment ago. */
  private async raced(id: Buffer, generation: unknown): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.query(RACED, [id, generation, GRACE_S]);
    return rows.length > 0;
  }

  private tokens(session: Session, user: User): SessionTokens {
    const claims = { sub: session.userId, sid: session.id, gen: session.generation };
    return {
      accessToken: this.accessToken(session.id, session.userId),
      cookieToken: this.accessToken(session.id, session.userId, 'cookie'),
      refreshToken: this.refresh.sign(claims, { expiresInS: REFRESH_TOKEN_S })!,
      expiresIn: ACCESS_TOKEN_S,
      user,
    };
  }

  private async signOut(sid: unknown): Promise<void> {
    const id = parseUuid(String(sid));
    const session = id ? await this.sessions.findOneBy({ id }) : null;
    if (session) await this.end(session, 'signed_out');
  }

  /** Of several at once one ends it, and is noted. */
  private async end({ id, userId }: Session, action: 'signed_out' | 'refresh_token_reused'): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const { affected } = await manager.update(Session, { id, endedAt: IsNull() }, { endedAt: new Date() });
      if (affected) await this.audit.note({ userId, action, subjectId: id }, manager);
    });
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, Repository } from 'typeorm';
import { accountLocked, signInEnded } from '../common/app-error.js';
import type { UserCaller } from '../common/caller.js';
import { InFlight } from '../common/in-flight.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { TokenRing } from '../common/token-ring.js';
import { Env } from '../config/env.js';
import { binary } from '../database/binary.js';
import { Session } from '../database/entities/index.js';
import { CONTROL } from '../database/pools.js';
import { parseUuid } from '../events/event-id.js';
import { DAY_MS } from '../events/limits.js';
import { accountBar } from '../registry/account-bar.js';

/** Look-ups of one account that run at a time in a process, and that wait. */
const LOOK_UPS = 2;
const LOOK_UPS_WAITING = 100;

/** How far behind `last_used_at` may be, ms: each use of a session would otherwise be a write. */
const USE_NOTED_EVERY_MS = 60_000;
/** Of several requests at once one writes. */
const NOTE_USE = `UPDATE sessions SET last_used_at = UTC_TIMESTAMP(3)
WHERE id = ? AND last_used_at < UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE`;

/**
 * Checks access tokens. Every use of one asks MySQL whether its session is still good, so logout works at once. Sessions
 * begin, are renewed and end in auth/session.service.ts.
 */
@Injectable()
export class SessionCheck {
  private readonly access: TokenRing;
  /** One account must not fill the queue for the connections by which everybody's session is looked up. */
  private readonly lookUps = new InFlight(LOOK_UPS, LOOK_UPS_WAITING);

  constructor(
    @InjectRepository(Session, CONTROL) private readonly sessions: Repository<Session>,
    /** For what may wait for a row, which must not hold up other people's sessions. */
    private readonly usual: DataSource,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
    jwt: JwtService,
  ) {
    this.access = new TokenRing(jwt, env.userTokenSecrets!, 'user');
  }

  /** @throws UnauthorizedError for anything but the access token of a good session */
  async authenticate(token: string): Promise<UserCaller> {
    const claims = this.access.verify(token);
    const session = await this.lookUps.run(String(claims.sub), () => this.find(claims));
    this.assertGood(session);
    this.noteUse(session);
    return {
      kind: 'user',
      userId: session.userId,
      sessionId: session.id,
      email: session.user!.email,
      madeForCookie: claims.via === 'cookie',
    };
  }

  /** The account of an access token by its signature alone; undefined for any other text. */
  accountOf(token: string): string | undefined {
    if (!this.access.hasSigned(token)) return undefined;
    try {
      return String(this.access.verify(token).sub);
    } catch {
      return undefined;
    }
  }

  /**
   * The session that a token names, with its user.
   * @param claims of an access or refresh token whose signature is good
   * @throws UnauthorizedError when there is none
   */
  async find(claims: Record<string, unknown>): Promise<Session> {
    const id = typeof claims.sid === 'string' ? parseUuid(claims.sid) : undefined;
    // By its key there is one at the most; findOne() with a relation would ask MySQL twice.
    const [session] = id ? await this.sessions.find({ where: { id }, relations: { user: true } }) : [];
    if (!session || session.userId !== claims.sub) throw signInEnded();
    return session;
  }

  /**
   * Sessions of an account that may not sign in (any more) are void, as its keys are.
   * @param session with its user
   * @throws UnauthorizedError
   */
  assertGood(session: Session): void {
    const { provider, email, domain, lockedAt } = session.user!;
    const bar = accountBar(this.env, { provider, email, domain, locked: lockedAt !== null });
    const about = { accountId: session.userId };
    if (bar === 'locked') throw accountLocked(about);
    if (bar || session.endedAt || this.endOf(session).getTime() <= Date.now()) throw signInEnded(about);
  }

  /** When a session ends unless it is renewed. */
  endOf({ createdAt, expiresAt }: Session): Date {
    return new Date(Math.min(expiresAt.getTime(), createdAt.getTime() + this.env.sessionMaxDays * DAY_MS));
  }

  /** Nobody waits for it. */
  private noteUse({ id, lastUsedAt }: Session): void {
    if (Date.now() - lastUsedAt.getTime() < USE_NOTED_EVERY_MS) return;
    this.usual.query(NOTE_USE, [binary(id)]).catch((error: unknown) => {
      this.logger.debug({ err: error }, 'Could not note when a session was last used');
    });
  }
}

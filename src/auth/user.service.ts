import { accountGone, isOperator } from '../access/operator.guard.js';
import { AppsService } from '../apps/apps.service.js';
import { AuditLog } from '../audit-log/audit-log.js';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, Repository } from 'typeorm';
import { AppError, ForbiddenError } from '../common/app-error.js';
import type { AllowList, ProviderAccount } from '../config/allow-list.js';
import { isOneAddress } from '../config/email-address.js';
import { Env } from '../config/env.js';
import { deletedSubject, lockAccount } from '../database/account-lock.js';
import { binary } from '../database/binary.js';
import { Session, User } from '../database/entities/index.js';
import { CONTROL } from '../database/pools.js';
import { uuidV7 } from '../events/event-id.js';
import { RegistryService } from '../registry/registry.service.js';
import type { ProviderProfile } from './google.strategy.js';
import { refusal } from './provider-refusals.js';
import type { SessionClient } from './session-client.js';
import { SessionService, type SessionTokens } from './session.service.js';

/** Of a person who is not known yet. Another sign-in of theirs may be first: then this is their second. */
const FIRST_SIGN_IN = `INSERT INTO users (id, provider, subject, email, domain, name, last_sign_in_at)
VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))
ON DUPLICATE KEY UPDATE email = VALUES(email), domain = VALUES(domain), name = VALUES(name),
  last_sign_in_at = VALUES(last_sign_in_at)`;

const SIGN_IN = 'UPDATE users SET email = ?, domain = ?, name = ?, last_sign_in_at = UTC_TIMESTAMP(3) WHERE id = ?';

/** The people who sign in. A person is (provider, subject); the e-mail may change and is not an identity. */
@Injectable()
export class UserService {
  constructor(
    @InjectRepository(User, CONTROL) private readonly users: Repository<User>,
    private readonly dataSource: DataSource,
    private readonly registry: RegistryService,
    private readonly sessions: SessionService,
    private readonly apps: AppsService,
    private readonly audit: AuditLog,
    private readonly env: Env,
  ) {}

  /**
   * Lets a person in whom the provider vouches for and SIGN_IN_ALLOW names. Nobody else leaves a row.
   * @returns the tokens of a new session
   * @throws ForbiddenError
   */
  async signIn(profile: ProviderProfile, client: SessionClient): Promise<SessionTokens> {
    const { provider, subject, email, emailVerified, domain, name, authenticatedAt } = profile;
    if (!email || !emailVerified) {
      throw new ForbiddenError(
        'email_not_verified',
        'Your account has no verified e-mail address. Verify it, then sign in again.',
      );
    }
    if (!isOneAddress(email)) {
      throw new ForbiddenError(
        'email_not_valid',
        'The sign-in provider names an e-mail for your account that is not exactly one address. Correct it there, then sign in again.',
      );
    }
    if (!this.env.signInAllow.allows({ email, domain })) {
      throw notAllowed(this.env.signInAllow, email, await this.noteRefused(profile));
    }
    const shownName = name?.slice(0, 255) ?? null;
    // On the connections of changes: it may have to wait for the account's row, which a session look-up must never do.
    return this.dataSource.transaction(async (manager) => {
      const known = await manager.findOneBy(User, { provider, subject });
      if (known && (await lockAccount(manager, known.id))) {
        await manager.query(SIGN_IN, [email, domain, shownName, binary(known.id)]);
      } else {
        const first = [binary(uuidV7(Date.now())), provider, subject, email, domain, shownName];
        await manager.query(FIRST_SIGN_IN, first);
      }
      const user = await manager.findOneByOrFail(User, { provider, subject });
      // Read while the account is held: an operator locks it before this, or ends the session that begins now.
      if (user.lockedAt) {
        throw new ForbiddenError('account_locked', 'Your account is locked. Ask whoever runs this installation.', {
          accountId: user.id,
        });
      }
      return this.sessions.begin(user, { ...client, authenticatedAt }, manager);
    });
  }

  /**
   * What the provider says now of an account that was let in before, such as one that has left its Workspace: its sessions
   * and keys are refused from now on.
   * @returns its id; undefined: it was never let in
   */
  private async noteRefused({ provider, subject, email, domain }: ProviderProfile): Promise<string | undefined> {
    const known = await this.users.findOneBy({ provider, subject });
    if (!known) return undefined;
    await this.users.update({ id: known.id }, { email, domain });
    await this.registry.announce();
    return known.id;
  }

  async get(userId: string): Promise<User> {
    const user = await this.users.findOneBy({ id: userId });
    if (!user) throw accountGone();
    return user;
  }

  /** Whether the person sees the installation's health. */
  isOperator(account: ProviderAccount): boolean {
    return isOperator(this.env, account);
  }

  /** Ends everything of the account: sessions, apps and their keys; what named the person is overwritten. */
  async delete(userId: string): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      if (!(await lockAccount(manager, userId))) return;
      const now = new Date();
      await manager.update(Session, { userId }, { endedAt: now, browser: null, os: null });
      await this.apps.deleteAll(userId, manager);
      await this.audit.note({ userId, action: 'account_deleted' }, manager);
      await manager.update(
        User,
        { id: userId },
        { subject: deletedSubject(userId), email: '', domain: '', name: null },
      );
    });
    await this.registry.announce();
  }
}

/** The most common surprise is told apart: an e-mail of a listed domain whose account is not of that Workspace. */
function notAllowed(allow: AllowList, email: string, accountId?: string): ForbiddenError {
  if (allow.namesDomainOf(email)) {
    return new ForbiddenError(
      'sign_in_not_allowed',
      'Your e-mail is at a domain that may sign in here, but Google does not say that your account belongs to the Google ' +
        'Workspace of that domain. Ask whoever runs this installation to add your whole e-mail address to SIGN_IN_ALLOW.',
      { accountId },
    );
  }
  return new ForbiddenError(
    'sign_in_not_allowed',
    'Your account may not sign in here. Ask whoever runs this installation to add your e-mail, or the domain of your ' +
      'Google Workspace, to SIGN_IN_ALLOW.',
    { accountId },
  );
}

/** What went wrong between us and the provider, or on the way back, as an answer. */
export function signInFailure(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, code } = error as { name?: string; code?: string };
  if (name === 'AuthorizationError') {
    return new AppError(400, 'sign_in_refused', `${refusal(code)} Begin again.`, { cause: error });
  }
  if (name === 'TokenError') {
    return new AppError(
      400,
      'sign_in_failed',
      'The sign-in could not be completed: its code was not accepted. Begin again.',
      {
        cause: error,
      },
    );
  }
  return new AppError(503, 'sign_in_unavailable', 'The sign-in provider could not be reached. Try again in a moment.', {
    headers: { 'retry-after': '5' },
    cause: error,
  });
}

import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { AuditLog } from '../audit-log/audit-log.js';
import { NotFoundError } from '../common/app-error.js';
import { lockAccount } from '../database/account-lock.js';
import { binary } from '../database/binary.js';
import type { AuditAction } from '../database/entities/audit-entry.entity.js';
import { Session } from '../database/entities/index.js';
import { parseUuid } from '../events/event-id.js';

/** A deleted account keeps its row: its subject was overwritten. */
const ACCOUNTS = `SELECT LOWER(HEX(u.id)) AS id, u.provider, u.email, u.domain, u.name, u.created_at AS createdAt,
  u.last_sign_in_at AS lastSignInAt, u.locked_at AS lockedAt,
  (SELECT COUNT(*) FROM apps WHERE apps.owner_id = u.id AND apps.deleted_at IS NULL) AS apps
FROM users u WHERE u.subject <> CONCAT('deleted:', LOWER(HEX(u.id)))`;

/** Values: a pattern for e-mail and name, an id. */
const MATCHING = `(LOWER(u.email) LIKE LOWER(?) OR LOWER(u.name) LIKE LOWER(?) OR u.id = ?)`;
const WITH_EMAIL = 'LOWER(u.email) = LOWER(?)';

const LOCK = 'UPDATE users SET locked_at = UTC_TIMESTAMP(3) WHERE id = ? AND locked_at IS NULL';
const UNLOCK = 'UPDATE users SET locked_at = NULL WHERE id = ? AND locked_at IS NOT NULL';

/** Keys of deleted apps as well: they are refused for the app already. */
const REVOKE_KEYS = `UPDATE api_keys JOIN apps ON apps.id = api_keys.app_id SET api_keys.revoked_at = UTC_TIMESTAMP(3)
WHERE apps.owner_id = ? AND (api_keys.revoked_at IS NULL OR api_keys.revoked_at > UTC_TIMESTAMP(3))`;

/** Equal to no id. */
const NO_ID = Buffer.alloc(0);

/** An account as operators see it. Ids are 32 hex digits. */
export interface StoredAccount {
  id: string;
  provider: string;
  email: string;
  domain: string | null;
  name: string | null;
  createdAt: Date;
  lastSignInAt: Date;
  lockedAt: Date | null;
  /** Text, as MySQL counts. */
  apps: string;
}

/**
 * Who works on an account: an operator in the panel (32 hex digits of their account), whose own audit log has it too, or
 * somebody at the machine.
 */
export type Operator = { accountId: string } | 'command';

/**
 * The accounts of the installation, for operators. It changes MySQL alone: API processes read changed accounts and keys
 * every REGISTRY_POLL_MS.
 */
@Injectable()
export class AccountStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLog,
  ) {}

  /** Newest first. @param search part of an e-mail or name, or an id @param before only those older than this account */
  list(limit: number, search?: string, before?: string): Promise<StoredAccount[]> {
    const conditions: string[] = [];
    const values: unknown[] = [];
    if (search) {
      const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
      const id = parseUuid(search);
      conditions.push(MATCHING);
      values.push(pattern, pattern, id ? binary(id) : NO_ID);
    }
    if (before) {
      conditions.push('u.id < ?');
      values.push(binary(before));
    }
    const where = conditions.map((condition) => ` AND ${condition}`).join('');
    return this.dataSource.query(`${ACCOUNTS}${where} ORDER BY u.id DESC LIMIT ?`, [...values, limit]);
  }

  /** @throws NotFoundError */
  async get(id: string): Promise<StoredAccount> {
    const [account]: StoredAccount[] = await this.dataSource.query(`${ACCOUNTS} AND u.id = ?`, [binary(id)]);
    if (!account) throw noSuchAccount();
    return account;
  }

  /** Every account with an e-mail: of two providers, or of one whose people share an address, there may be several. */
  withEmail(email: string): Promise<StoredAccount[]> {
    return this.dataSource.query(`${ACCOUNTS} AND ${WITH_EMAIL} ORDER BY u.id`, [email]);
  }

  /** Ends the account's sessions and keeps it out until it is unlocked. Locking twice is no error. @throws NotFoundError */
  async lock(id: string, by: Operator): Promise<void> {
    await this.change(id, async (manager) => {
      const { affectedRows }: { affectedRows: number } = await manager.query(LOCK, [binary(id)]);
      if (affectedRows === 0) return;
      await manager.update(Session, { userId: id, endedAt: IsNull() }, { endedAt: new Date() });
      await this.note('account_locked', id, by, manager);
    });
  }

  /** Lets the account sign in again and its keys work again; its old sessions stay over. @throws NotFoundError */
  async unlock(id: string, by: Operator): Promise<void> {
    await this.change(id, async (manager) => {
      const { affectedRows }: { affectedRows: number } = await manager.query(UNLOCK, [binary(id)]);
      if (affectedRows > 0) await this.note('account_unlocked', id, by, manager);
    });
  }

  /** Revokes every key of the account's apps, for good. @returns how many were good @throws NotFoundError */
  revokeKeys(id: string, by: Operator): Promise<number> {
    return this.change(id, async (manager) => {
      const { affectedRows: keys }: { affectedRows: number } = await manager.query(REVOKE_KEYS, [binary(id)]);
      if (keys > 0) await this.note('account_keys_revoked', id, by, manager, { keys });
      return keys;
    });
  }

  /** Holds the account, so that a sign-in or a new key of it comes before the change or sees it. */
  private change<T>(id: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      if (!(await lockAccount(manager, id))) throw noSuchAccount();
      return work(manager);
    });
  }

  private async note(
    action: AuditAction,
    id: string,
    by: Operator,
    manager: EntityManager,
    detail: Record<string, number> = {},
  ): Promise<void> {
    const where = by === 'command' ? 'command line' : 'operators’ panel';
    await this.audit.note({ userId: id, action, detail: { ...detail, by: where } }, manager);
    if (by === 'command' || by.accountId === id) return;
    await this.audit.note({ userId: by.accountId, action, subjectId: id, detail }, manager);
  }
}

export function noSuchAccount(): NotFoundError {
  return new NotFoundError('There is no account with this id.');
}

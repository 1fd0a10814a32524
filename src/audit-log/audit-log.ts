import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, LessThan } from 'typeorm';
import { type AuditAction, AuditEntry } from '../database/entities/audit-entry.entity.js';
import { uuidV7 } from '../events/event-id.js';

/** What was done, and to what. Ids are 32 hex digits. */
export interface Deed {
  userId: string;
  action: AuditAction;
  subjectId?: string;
  appId?: string;
  /** Small and harmless: never a token, an e-mail, an address or a person's id. */
  detail?: Record<string, string | number | readonly string[]>;
}

/** What was done in an account, for its owner to read. */
@Injectable()
export class AuditLog {
  constructor(private readonly dataSource: DataSource) {}

  /** Notes a deed. @param manager of the transaction that does it, where there is one: then both happen or neither */
  async note(deed: Deed, manager: EntityManager = this.dataSource.manager): Promise<void> {
    const now = Date.now();
    await manager.insert(AuditEntry, {
      id: uuidV7(now),
      userId: deed.userId,
      action: deed.action,
      subjectId: deed.subjectId ?? null,
      appId: deed.appId ?? null,
      detail: JSON.stringify(deed.detail ?? {}),
      at: new Date(now),
    });
  }

  /** Newest first. @param before only those older than this entry */
  list(userId: string, limit: number, before?: string): Promise<AuditEntry[]> {
    return this.dataSource.getRepository(AuditEntry).find({
      where: { userId, ...(before ? { id: LessThan(before) } : {}) },
      order: { id: 'DESC' },
      take: limit,
    });
  }
}

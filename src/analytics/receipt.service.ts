import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { BacklogReader, type OwnBacklog } from '../buffer/backlog.js';
import { NotFoundError, UnavailableError } from '../common/app-error.js';
import type { Caller } from '../common/caller.js';
import { formatUuid, parseUuid, storedEventId, uuidV7Time } from '../events/event-id.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp } from './analytics-scope.js';
import type { ReceiptDto } from './analytics.dto.js';
import {
  conflictCount,
  type EventKey,
  newestDeadLetter,
  type StoredEvent,
  storedEvent,
} from './queries/event-outcome.js';

/** What became of an accepted event. */
@Injectable()
export class ReceiptService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly backlog: BacklogReader,
  ) {}

  /**
   * The backlog is read before MySQL: an event leaves it only after its commit, so one that was accepted is seen in one
   * of the two.
   * @param id the stored id, or the client's own where it is a UUIDv7 sent without a timestamp
   * @throws NotFoundError when it was never accepted (or was erased), UnavailableError while Redis is away
   */
  receipt(asker: Asker, id: string): Promise<ReceiptDto> {
    return this.scope.ask(asker, undefined, (manager, apps) => this.answer(manager, asker.caller, id, apps));
  }

  private async answer(
    connected: EntityManager,
    caller: Caller,
    id: string,
    apps: readonly AskedApp[],
  ): Promise<ReceiptDto> {
    const keys = possibleKeys(
      id,
      apps.map((app) => app.id),
    );
    if (keys.length > 0) {
      const backlog = await this.readBacklog(apps[0]!.ownerId);
      // Of one moment: a dead letter that is tried again meanwhile is an event, or still a letter.
      const known = await connected.transaction('REPEATABLE READ', (manager) => knownReceipt(manager, keys));
      if (known) return known;
      if (backlog.events > 0) return { status: 'unknown', ...pending(caller, backlog) };
    }
    throw new NotFoundError(
      'No event was accepted under this id. Ask by the id in the answer to your post, or by your own eventId where it is a UUIDv7 that you sent without a timestamp.',
    );
  }

  private async readBacklog(account: string): Promise<OwnBacklog> {
    try {
      return await this.backlog.readOf([account]);
    } catch (error) {
      throw new UnavailableError(
        'backlog_unknown',
        'What is still on its way cannot be told just now. Ask again.',
        2,
        error,
      );
    }
  }
}

/** @returns undefined when it is neither stored nor among the dead letters */
async function knownReceipt(manager: EntityManager, keys: readonly EventKey[]): Promise<ReceiptDto | undefined> {
  const stored = await storedEvent(manager, keys);
  if (stored) return storedReceipt(stored, await conflictCount(manager, stored));
  const dead = await newestDeadLetter(manager, keys);
  if (dead) {
    const { code, reason, createdAt } = dead;
    const time = createdAt.toISOString();
    return { status: 'dead_letter', id: formatUuid(dead.id), code, reason, createdAt: time, at: time };
  }
  return undefined;
}

/** In each app the stored id itself, and the one that the app would have made of a client's UUIDv7. */
function possibleKeys(id: string, appIds: readonly string[]): EventKey[] {
  const uuid = parseUuid(id);
  if (!uuid) return [];
  const time = uuidV7Time(id);
  return appIds.flatMap((appId) => [
    { appId, id: uuid },
    ...(time === undefined ? [] : [{ appId, id: storedEventId(time, appId, id) }]),
  ]);
}

function storedReceipt(event: StoredEvent, conflicts: number): ReceiptDto {
  const id = formatUuid(event.id);
  return {
    status: 'stored',
    id,
    eventId: event.eventId ?? id,
    occurredAt: event.occurredAt.toISOString(),
    receivedAt: event.receivedAt.toISOString(),
    storedAt: event.committedAt?.toISOString() ?? null,
    conflicts,
  };
}

/** How much is on its way is for the owner's eyes; a key that can only write sits in web pages. */
function pending(caller: Caller, { events, oldestReceivedAt }: OwnBacklog): Pick<ReceiptDto, 'pending'> {
  if (caller.kind === 'key' && !caller.scopes.includes('read')) return {};
  return { pending: { events, oldestAgeMs: Math.max(0, Date.now() - (oldestReceivedAt || Date.now())) } };
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { NotFoundError } from '../common/app-error.js';
import type { Caller } from '../common/caller.js';
import { binary } from '../database/binary.js';
import type { RetentionRollups } from '../database/entities/index.js';
import { parseUuid } from '../events/event-id.js';
import type { Asker } from '../questions/asker.js';
import type { QuestionCost } from '../questions/question-turns.js';
import { Questions } from '../questions/questions.js';
import { RegistryService } from '../registry/registry.service.js';

/** Written out: on this path the query builder takes longer than the database. */
const APPS = `SELECT LOWER(HEX(id)) AS id, LOWER(HEX(owner_id)) AS ownerId, time_zone AS timeZone, deleted_before AS deletedBefore,
  retention_rollups AS retentionRollups
FROM apps WHERE deleted_at IS NULL`;
const OF_OWNER = `${APPS} AND owner_id = ? ORDER BY created_at, id`;
const ONE_OF_OWNER = `${APPS} AND owner_id = ? AND id = ?`;
const OF_KEY = `${APPS} AND id = ?`;

/** An app that a question may be about. */
export interface AskedApp {
  /** 32 hex digits, like ownerId. */
  id: string;
  ownerId: string;
  /** IANA name. */
  timeZone: string;
  /** Events that state an earlier time have expired; null: none have. */
  deletedBefore: Date | null;
  /** What becomes of the counts of expired events. */
  retentionRollups: RetentionRollups;
}

/** Whose events a question is about: a key's own app, a person's one app or all of them. Nobody sees another's. */
@Injectable()
export class AnalyticsScope {
  constructor(
    private readonly questions: Questions,
    private readonly registry: RegistryService,
  ) {}

  /**
   * Asks a question about the caller's apps, in its account's turn.
   * @param appId any UUID text, as asked; undefined: all that the caller may see
   * @param question gets the apps asked about, none for a person without apps
   * @throws NotFoundError for an app that is not the caller's; see {@link Questions.ask}
   */
  ask<T>(
    asker: Asker,
    appId: string | undefined,
    question: (manager: EntityManager, apps: AskedApp[]) => Promise<T>,
    cost: Omit<QuestionCost, 'apps'> = {},
  ): Promise<T> {
    const { caller, account } = asker;
    const isOne = caller.kind === 'key' || appId !== undefined;
    const apps = isOne ? 1 : this.registry.appCount(account);
    return this.questions.ask(asker, { ...cost, apps }, async (manager) =>
      question(manager, await this.of(manager, caller, appId)),
    );
  }

  private async of(manager: EntityManager, caller: Caller, appId: string | undefined): Promise<AskedApp[]> {
    if (caller.kind === 'key') return [await this.appOfKey(manager, caller.appId, appId)];
    const owner = binary(caller.userId);
    if (appId === undefined) return manager.query(OF_OWNER, [owner]);
    const id = parseUuid(appId);
    const [app]: AskedApp[] = id ? await manager.query(ONE_OF_OWNER, [owner, binary(id)]) : [];
    if (!app) throw new NotFoundError('You have no app with this id. GET /api/apps lists yours.');
    return [app];
  }

  private async appOfKey(manager: EntityManager, own: string, asked: string | undefined): Promise<AskedApp> {
    const isOwn = asked === undefined || parseUuid(asked) === own;
    const [app]: AskedApp[] = isOwn ? await manager.query(OF_KEY, [binary(own)]) : [];
    if (!app)
      throw new NotFoundError(
        "This API key belongs to another app. Leave app_id out: a key sees its own app's numbers.",
      );
    return app;
  }
}

/** The zone of the app, or of all apps when they agree. */
export function commonZone(apps: readonly AskedApp[]): string {
  const zones = new Set(apps.map((app) => app.timeZone));
  const [zone] = zones;
  return zones.size === 1 && zone ? zone : 'UTC';
}

export function idsOf(apps: readonly AskedApp[]): string[] {
  return apps.map(({ id }) => id);
}

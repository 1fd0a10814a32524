import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, Repository } from 'typeorm';
import { OwnedApps } from '../apps/owned-apps.service.js';
import { NotFoundError } from '../common/app-error.js';
import type { Caller } from '../common/caller.js';
import { App } from '../database/entities/index.js';
import { parseUuid } from '../events/event-id.js';

/** Whose events a question is about: a key's own app, a person's one app or all of them. Nobody sees another's. */
@Injectable()
export class AnalyticsScope {
  constructor(
    private readonly owned: OwnedApps,
    @InjectRepository(App) private readonly apps: Repository<App>,
  ) {}

  /**
   * @param appId any UUID text, as asked; undefined: all that the caller may see
   * @throws NotFoundError for an app that is not the caller's
   */
  async of(caller: Caller, appId?: string): Promise<App[]> {
    if (caller.kind === 'key') return [await this.appOfKey(caller.appId, appId)];
    return appId === undefined ? this.owned.all(caller.userId) : [await this.owned.one(caller.userId, appId)];
  }

  private async appOfKey(own: string, asked: string | undefined): Promise<App> {
    const app =
      asked === undefined || parseUuid(asked) === own
        ? await this.apps.findOneBy({ id: own, deletedAt: IsNull() })
        : null;
    if (!app)
      throw new NotFoundError(
        "This API key belongs to another app. Leave app_id out: a key sees its own app's numbers.",
      );
    return app;
  }
}

import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, IsNull, Repository } from 'typeorm';
import { NotFoundError } from '../common/app-error.js';
import { App } from '../database/entities/index.js';
import { parseUuid } from '../events/event-id.js';

/** The one answer to "is it yours?": a foreign, unknown or deleted app is not found. */
@Injectable()
export class OwnedApps {
  constructor(@InjectRepository(App) private readonly apps: Repository<App>) {}

  /** In the order in which they were registered. @param ownerId 32 hex digits @param manager of the caller's transaction */
  all(ownerId: string, manager: EntityManager = this.apps.manager): Promise<App[]> {
    return manager.find(App, { where: { ownerId, deletedAt: IsNull() }, order: { createdAt: 'ASC', id: 'ASC' } });
  }

  /** @param appId any UUID text @throws NotFoundError */
  async one(ownerId: string, appId: string): Promise<App> {
    const id = parseUuid(appId);
    const app = id ? await this.apps.findOneBy({ id, ownerId, deletedAt: IsNull() }) : null;
    if (!app) throw new NotFoundError('You have no app with this id. GET /api/apps lists yours.');
    return app;
  }
}

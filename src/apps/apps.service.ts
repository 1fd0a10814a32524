import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, IsNull, Repository } from 'typeorm';
import { AuditLog } from '../audit-log/audit-log.js';
import { ApiKeyService } from '../api-keys/api-key.service.js';
import { ConflictError } from '../common/app-error.js';
import { holdAccount } from '../database/account-lock.js';
import { App, type Erasure } from '../database/entities/index.js';
import { type ErasureOrder, ErasureOrders } from '../erasures/erasure-orders.js';
import { type ErasureDto, erasureDto } from '../erasures/erasures.dto.js';
import { formatUuid, uuidV7 } from '../events/event-id.js';
import { RegistryService } from '../registry/registry.service.js';
import type { AppDto, ChangeAppDto, RegisterAppDto, RegisteredAppDto } from './app.dto.js';
import { OwnedApps } from '../access/owned-apps.service.js';

/** What was derived with the earlier hosts is derived anew: workers rebuild the copy in ClickHouse, though not at once. */
const DERIVE_ANEW = 'UPDATE read_model SET hosts_changed = 1 WHERE id = 1 AND enabled = 1';

/** Apps that an account may have: every process holds all apps of the installation in memory, and lists them on one page. */
export const APPS_MAX = 1000;

/** The owner's web sites and mobile apps. */
@Injectable()
export class AppsService {
  constructor(
    @InjectRepository(App) private readonly apps: Repository<App>,
    private readonly owned: OwnedApps,
    private readonly keys: ApiKeyService,
    private readonly registry: RegistryService,
    private readonly erasures: ErasureOrders,
    private readonly audit: AuditLog,
  ) {}

  /** An app with a first key that can write, so that a person can begin at once. */
  async register(ownerId: string, said: RegisterAppDto): Promise<RegisteredAppDto> {
    const app = this.apps.create({
      id: uuidV7(Date.now()),
      ownerId,
      name: said.name,
      url: said.url ?? null,
      platform: said.platform ?? null,
      timeZone: said.timeZone ?? 'UTC',
      description: said.description ?? null,
      hosts: said.hosts ?? null,
      ipMode: 'truncated',
      retentionDays: null,
      retentionRollups: 'keep',
      deletedBefore: null,
      deletedAt: null,
    });
    const key = await this.apps.manager.transaction(async (manager) => {
      await holdAccount(manager, ownerId);
      await this.assertRoom(manager, ownerId);
      await manager.insert(App, app);
      await this.audit.note({ userId: ownerId, action: 'app_registered', appId: app.id }, manager);
      return this.keys.issue(app, { name: 'First key' }, manager);
    });
    await this.registry.announce();
    return { app: appDto(await this.owned.one(ownerId, app.id)), ...key };
  }

  async list(ownerId: string): Promise<AppDto[]> {
    return (await this.owned.all(ownerId)).map(appDto);
  }

  async get(ownerId: string, appId: string): Promise<AppDto> {
    return appDto(await this.owned.one(ownerId, appId));
  }

  async change(ownerId: string, appId: string, change: ChangeAppDto): Promise<AppDto> {
    const app = await this.owned.one(ownerId, appId);
    const fields = Object.entries(change).filter(([, value]) => value !== undefined);
    if (fields.length > 0) {
      const detail = { fields: fields.map(([name]) => name) };
      await this.apps.manager.transaction(async (manager) => {
        await manager.update(App, { id: app.id }, Object.fromEntries(fields));
        if (change.hosts && change.hosts.join() !== (app.hosts ?? []).join()) await manager.query(DERIVE_ANEW);
        await this.audit.note({ userId: ownerId, action: 'app_changed', appId: app.id, detail }, manager);
      });
      await this.registry.announce();
    }
    return this.get(ownerId, app.id);
  }

  /** Its keys are refused at once; what was stored for it is erased by the workers. */
  async delete(ownerId: string, appId: string): Promise<ErasureDto> {
    const app = await this.owned.one(ownerId, appId);
    const erasure = await this.apps.manager.transaction(async (manager) => {
      const order = await this.erasures.give(manager, orderFor(app));
      return this.markDeleted(manager, app, order);
    });
    await this.registry.announce();
    return erasureDto(erasure);
  }

  /** Every app of an account, in the transaction that deletes it. The caller announces it. */
  async deleteAll(ownerId: string, manager: EntityManager): Promise<void> {
    for (const app of await this.owned.all(ownerId, manager)) {
      await this.markDeleted(manager, app, await this.erasures.giveWithAccount(manager, orderFor(app)));
    }
  }

  /** In a transaction that holds the account: of several at once only as many are registered as there is room for. */
  private async assertRoom(manager: EntityManager, ownerId: string): Promise<void> {
    if ((await manager.countBy(App, { ownerId, deletedAt: IsNull() })) < APPS_MAX) return;
    const detail =
      `An account may have ${APPS_MAX.toLocaleString('en')} apps, and yours has them. Delete one that you do not need ` +
      '(DELETE /api/apps/{id}), then register this one again.';
    throw new ConflictError('too_many_apps', detail);
  }

  private async markDeleted(manager: EntityManager, { id, ownerId }: App, order: Erasure): Promise<Erasure> {
    await manager.update(App, { id }, { deletedAt: new Date() });
    await this.audit.note({ userId: ownerId, action: 'app_deleted', appId: id, subjectId: order.id }, manager);
    return order;
  }
}

function orderFor({ id, ownerId }: App): ErasureOrder {
  return { appId: id, ownerId, subject: 'app' };
}

export function appDto(app: App): AppDto {
  const { name, url, platform, timeZone, description, hosts, ipMode, retentionDays, retentionRollups } = app;
  return {
    id: formatUuid(app.id),
    name,
    url,
    platform,
    timeZone,
    description,
    hosts: hosts ?? [],
    ipMode,
    retentionDays,
    retentionRollups,
    createdAt: app.createdAt.toISOString(),
  };
}

import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ConflictError } from '../common/app-error.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { Env } from '../config/env.js';
import { formatUuid, parseUuid } from '../events/event-id.js';
import { OperatorRoute } from '../access/operator.guard.js';
import { accountBar } from '../registry/account-bar.js';
import { RegistryService } from '../registry/registry.service.js';
import { AccountStore, noSuchAccount, type StoredAccount } from './account-store.js';
import { type AccountDto, AccountListDto, AccountsQuery, RevokedKeysDto } from './accounts.dto.js';

@ApiTags('Operation')
@Controller('api/operation/accounts')
@OperatorRoute()
export class AccountsController {
  constructor(
    private readonly accounts: AccountStore,
    private readonly registry: RegistryService,
    private readonly env: Env,
  ) {}

  /** List the accounts of the installation. The newest comes first. For operators. */
  @Get()
  async listAccounts(@Query() { search, cursor, limit }: AccountsQuery): Promise<AccountListDto> {
    const size = limit!;
    const found = await this.accounts.list(size + 1, search, cursor && parseUuid(cursor));
    const data = found.slice(0, size).map((account) => this.dto(account));
    return { data, nextCursor: found.length > size ? data.at(-1)!.id : null };
  }

  /** Lock an account. Within a second its sessions end and its keys are refused. It cannot sign in until it is unlocked. */
  @Post(':id/lock')
  @HttpCode(200)
  async lockAccount(@CurrentUser() { userId }: UserCaller, @Param('id') text: string): Promise<AccountDto> {
    const id = accountId(text);
    if (id === userId) {
      throw new ConflictError(
        'own_account',
        'This is your own account: locked, you could not unlock it. Another operator can lock it.',
      );
    }
    await this.accounts.lock(id, { accountId: userId });
    return this.changed(id);
  }

  /** Unlock an account. It may sign in again, and its keys work again. */
  @Post(':id/unlock')
  @HttpCode(200)
  async unlockAccount(@CurrentUser() { userId }: UserCaller, @Param('id') text: string): Promise<AccountDto> {
    const id = accountId(text);
    await this.accounts.unlock(id, { accountId: userId });
    return this.changed(id);
  }

  /** Revoke all keys of an account. They are refused within a second. This cannot be undone; the owner can create new ones. */
  @Post(':id/revoke-keys')
  @HttpCode(200)
  async revokeAccountKeys(@CurrentUser() { userId }: UserCaller, @Param('id') text: string): Promise<RevokedKeysDto> {
    const revoked = await this.accounts.revokeKeys(accountId(text), { accountId: userId });
    await this.registry.announce();
    return { revoked };
  }

  private async changed(id: string): Promise<AccountDto> {
    await this.registry.announce();
    return this.dto(await this.accounts.get(id));
  }

  private dto(account: StoredAccount): AccountDto {
    const { id, email, name, provider, domain, createdAt, lastSignInAt, lockedAt, apps } = account;
    return {
      id: formatUuid(id),
      email,
      name,
      provider,
      domain: domain || null,
      createdAt: createdAt.toISOString(),
      lastSignInAt: lastSignInAt.toISOString(),
      lockedAt: lockedAt?.toISOString() ?? null,
      bar: accountBar(this.env, { ...account, locked: lockedAt !== null }) ?? null,
      apps: Number(apps),
    };
  }
}

/** @throws NotFoundError for what is no id */
function accountId(text: string): string {
  const id = parseUuid(text);
  if (!id) throw noSuchAccount();
  return id;
}

import { Body, Controller, Get, Header, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { LimitedBy } from '../account-limits/account-limit.guard.js';
import { RecentSignIn } from '../access/recent-sign-in.js';
import { UserRoute } from '../access/user-route.decorator.js';
import { CurrentKey, CurrentUser, type KeyCaller, type UserCaller } from '../common/caller.js';
import {
  CreateKeyDto,
  IssuedKeyDto,
  KeyIdDto,
  KeyListDto,
  KeysQuery,
  RegenerateKeyDto,
  RevokedDto,
  RevokeKeyDto,
  SelfDto,
} from './api-key.dto.js';
import { ApiKeyService } from './api-key.service.js';
import { KeyRoute } from '../access/key-route.decorator.js';

@ApiTags('API keys')
@Controller('api/auth')
export class ApiKeyController {
  constructor(
    private readonly keys: ApiKeyService,
    private readonly recent: RecentSignIn,
  ) {}

  /** List the keys of an app. The newest comes first, and revoked keys are listed too. The answer never holds a key itself. */
  @Get('api-key')
  @UserRoute()
  listKeys(@CurrentUser() user: UserCaller, @Query() query: KeysQuery): Promise<KeyListDto> {
    return this.keys.list(user.userId, query);
  }

  /**
   * Create a key. A key with `read` is shown only in this answer: copy it. It needs a sign-in within the last 10 minutes. An app
   * may have 1,000 good keys, and 1,000 revoked ones newer than its oldest good key.
   */
  @Post('api-key')
  @Header('cache-control', 'no-store')
  @UserRoute()
  async createKey(@CurrentUser() user: UserCaller, @Body() key: CreateKeyDto): Promise<IssuedKeyDto> {
    if (key.scopes?.includes('read')) await this.recent.assert(user);
    return this.keys.create(user.userId, key);
  }

  /** Show a write-only key again. The key is signed anew from what is stored of it, and the audit log notes it. */
  @Post('api-key/reveal')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @UserRoute()
  revealKey(@CurrentUser() user: UserCaller, @Body() { keyId }: KeyIdDto): Promise<IssuedKeyDto> {
    return this.keys.reveal(user.userId, keyId);
  }

  /** Check a key. Answers what the key is and what it may do, to whoever holds it. */
  @Get('api-key/self')
  @KeyRoute()
  getOwnKey(@CurrentKey() key: KeyCaller): Promise<SelfDto> {
    return this.keys.self(key);
  }

  /**
   * Replace a key. The new key is like the old one. The old key is refused after the overlap, and counts among the app's 1,000
   * good keys until then. A key with `read` needs a sign-in within the last 10 minutes.
   */
  @Post('regenerate')
  @LimitedBy('regenerate')
  @Header('cache-control', 'no-store')
  @UserRoute()
  regenerateKey(@CurrentUser() user: UserCaller, @Body() key: RegenerateKeyDto): Promise<IssuedKeyDto> {
    return this.keys.regenerate(user.userId, key, () => this.recent.assert(user));
  }

  /** Revoke a key. It is refused everywhere within a second. */
  @Post('revoke')
  @HttpCode(200)
  @UserRoute()
  async revokeKey(@CurrentUser() user: UserCaller, @Body() key: RevokeKeyDto): Promise<RevokedDto> {
    await this.keys.revoke(user.userId, key);
    return { message: 'The key is revoked. It is refused everywhere within a second.' };
  }
}

import { Global, Module } from '@nestjs/common';
import { AccountLimitGuard } from './account-limit.guard.js';
import { AccountTurns } from './account-turns.interceptor.js';

/** How much an account may ask for. */
@Global()
@Module({ providers: [AccountLimitGuard, AccountTurns], exports: [AccountLimitGuard, AccountTurns] })
export class AccountLimitsModule {}

import { Global, Module } from '@nestjs/common';
import { AccountLimitGuard } from './account-limit.guard.js';

/** How much an account may ask for. */
@Global()
@Module({ providers: [AccountLimitGuard], exports: [AccountLimitGuard] })
export class AccountLimitsModule {}

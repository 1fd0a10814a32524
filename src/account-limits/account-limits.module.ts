import { Module } from '@nestjs/common';
import { QuestionsModule } from '../questions/questions.module.js';
import { AccountLimitGuard, AccountLimiters } from './account-limit.guard.js';
import { AccountChanges, AccountTurns } from './account-turns.interceptor.js';

/** How much an account may ask for. */
@Module({
  imports: [QuestionsModule],
  providers: [AccountLimitGuard, AccountLimiters, AccountTurns, AccountChanges],
  exports: [AccountLimitGuard, AccountLimiters, AccountTurns, AccountChanges, QuestionsModule],
})
export class AccountLimitsModule {}

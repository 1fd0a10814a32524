import { Module } from '@nestjs/common';
import { QuestionsModule } from '../questions/questions.module.js';
import { AccountLimitGuard } from './account-limit.guard.js';
import { AccountTurns } from './account-turns.interceptor.js';

/** How much an account may ask for. */
@Module({
  imports: [QuestionsModule],
  providers: [AccountLimitGuard, AccountTurns],
  exports: [AccountLimitGuard, AccountTurns, QuestionsModule],
})
export class AccountLimitsModule {}

import { Global, Module } from '@nestjs/common';
import { Questions } from './questions.js';

/** Takes questions about events in turn, account by account. */
@Global()
@Module({ providers: [Questions], exports: [Questions] })
export class QuestionsModule {}

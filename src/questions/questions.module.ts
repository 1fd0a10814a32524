import { Module } from '@nestjs/common';
import { Questions } from './questions.js';
import { UnsentAnswers } from './unsent-answers.js';

/** Takes questions about events in turn, account by account. */
@Module({ providers: [Questions, UnsentAnswers], exports: [Questions, UnsentAnswers] })
export class QuestionsModule {}

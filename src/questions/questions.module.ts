import { Module } from '@nestjs/common';
import { ReadModelQuestionsModule } from '../read-model/questions/read-model-questions.module.js';
import { Questions } from './questions.js';
import { ReadModelQuestions } from './read-model-questions.js';
import { UnsentAnswers } from './unsent-answers.js';

/** Takes questions about events in turn, account by account. */
@Module({
  imports: [ReadModelQuestionsModule],
  providers: [Questions, ReadModelQuestions, UnsentAnswers],
  exports: [Questions, ReadModelQuestions, UnsentAnswers, ReadModelQuestionsModule],
})
export class QuestionsModule {}

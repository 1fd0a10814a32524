import { Injectable } from '@nestjs/common';
import { ClientGoneError } from '../common/app-error.js';
import { QuestionTooLargeError, tooManyQuestions } from '../read-model/questions/read-model-errors.js';
import { type ReadModelQuestion, ReadModelReader } from '../read-model/questions/read-model-reader.js';
import { ReadModelReadiness } from '../read-model/questions/read-model-readiness.js';
import type { Asker } from './asker.js';
import { type QuestionCost, QuestionTurns, READ_MODEL_TURNS } from './question-turns.js';
import { UnsentAnswers } from './unsent-answers.js';

/** Time for a thrifty form, ms. */
const THRIFTY_LIMIT_MS = 20_000;

/** A question, and how to ask it again where it needs more memory than a question may take. */
export interface LimitedQuestion extends ReadModelQuestion {
  /** The same question as statements that go to disk, with the same values; their rows together are the answer. They are slower. */
  thrifty?: readonly string[];
}

/**
 * The one way to ClickHouse for what somebody asks about events: each question waits for its account's turn, and ends when
 * the client has gone. It has turns of its own, so that a slow ClickHouse holds up nothing that MySQL answers.
 */
@Injectable()
export class ReadModelQuestions {
  private readonly turns = new QuestionTurns(READ_MODEL_TURNS);

  constructor(
    private readonly reader: ReadModelReader,
    private readonly readiness: ReadModelReadiness,
    private readonly unsent: UnsentAnswers,
  ) {}

  /** Whether the copy has all committed events, so that questions may be asked of it. */
  get isComplete(): boolean {
    return this.readiness.isComplete;
  }

  /**
   * @param cost `withinMs`: time for waiting and answering together, for an answer that is given without ClickHouse otherwise
   * @throws ReadModelUnavailableError, also while the copy is not complete; QuestionTooLargeError; AppError 429 when too many questions of the account wait, or too
   *   many bytes of its answers are unread; ClientGoneError
   */
  async ask<Row>(
    { account, gone }: Pick<Asker, 'account' | 'gone'>,
    { withinMs, ...cost }: Omit<QuestionCost, 'apps'> & { withinMs?: number },
    question: LimitedQuestion,
  ): Promise<Row[]> {
    this.readiness.assertComplete();
    await this.reader.assertReachable();
    const signal = withinMs === undefined ? gone : AbortSignal.any([gone, AbortSignal.timeout(withinMs)]);
    let done: (() => void) | undefined;
    try {
      done = await this.turns.take(account, { ...cost, apps: question.appIds.length }, signal);
      if (!cost.isPatient) this.unsent.assertRoom(account);
      return await this.select<Row>(question, signal);
    } catch (error) {
      if (gone.aborted) throw new ClientGoneError(error);
      throw signal.aborted ? tooManyQuestions(error) : error;
    } finally {
      done?.();
    }
  }

  private async select<Row>({ thrifty, ...question }: LimitedQuestion, signal: AbortSignal): Promise<Row[]> {
    try {
      return await this.reader.select<Row>(question, signal);
    } catch (error) {
      if (!(error instanceof QuestionTooLargeError) || thrifty === undefined) throw error;
      const rows: Row[] = [];
      for (const sql of thrifty) {
        const slower = { ...question, sql, timeLimitMs: THRIFTY_LIMIT_MS, isThrifty: true };
        rows.push(...(await this.reader.select<Row>(slower, signal)));
      }
      return rows;
    }
  }
}

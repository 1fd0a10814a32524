import { ClientGoneError } from '../common/app-error.js';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { CONTROL, QUESTIONS } from '../database/pools.js';
import type { Asker } from './asker.js';
import { type QuestionCost, QuestionTurns } from './question-turns.js';
import { UnsentAnswers } from './unsent-answers.js';

/** What is used of mysql2's connection: the driver under TypeORM's query runner. */
interface DriverConnection {
  /** By which MySQL knows the session. */
  threadId: number;
  destroy(): void;
}

/**
 * The one way to MySQL for what somebody asks about events: each question waits for its account's turn, runs on a
 * connection that nothing else uses, and is stopped when the client has gone.
 */
@Injectable()
export class Questions {
  private readonly turns = new QuestionTurns();

  constructor(
    @InjectDataSource(QUESTIONS) private readonly dataSource: DataSource,
    @InjectDataSource(CONTROL) private readonly control: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly unsent: UnsentAnswers,
  ) {}

  /**
   * @param question gets the manager of its connection; it may begin a transaction
   * @throws AppError 429 when too many questions of the account wait, or too many bytes of its answers are unread;
   *   ClientGoneError; whatever the question throws
   */
  async ask<T>(
    { account, gone }: Pick<Asker, 'account' | 'gone'>,
    cost: QuestionCost,
    question: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    const done = await this.turns.take(account, cost, gone);
    try {
      // Those asked before it may have been answered while it waited. A stream is held back by its reader instead.
      if (!cost.isPatient) this.unsent.assertRoom(account);
      return await this.answer(gone, question);
    } catch (error) {
      throw gone.aborted ? new ClientGoneError(error) : error;
    } finally {
      done();
    }
  }

  private async answer<T>(gone: AbortSignal, question: (manager: EntityManager) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    let stopped: Promise<unknown> | undefined;
    try {
      const connection = (await runner.connect()) as DriverConnection;
      gone.throwIfAborted();
      // MySQL notices that a client has gone only when it sends a row: it must be told.
      const stop = () => {
        stopped = this.kill(connection.threadId);
      };
      gone.addEventListener('abort', stop, { once: true });
      try {
        return await question(runner.manager);
      } finally {
        gone.removeEventListener('abort', stop);
        if (stopped) {
          await stopped;
          connection.destroy();
        }
      }
    } finally {
      await runner.release();
    }
  }
  private async kill(threadId: number): Promise<void> {
    try {
      await this.control.query('KILL ?', [threadId]);
    } catch (err) {
      this.logger.warn({ err }, 'Could not stop a question whose client has gone: it runs on until its time is up');
    }
  }
}

import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../events/limits.js';
import type { Asker } from '../questions/asker.js';
import { type LimitedQuestion, ReadModelQuestions } from '../questions/read-model-questions.js';
import { Questions } from '../questions/questions.js';
import type { EventKey } from './queries/event-outcome.js';
import { eventsByKey } from './queries/events-by-key.js';
import type { ListedEvent } from './queries/listed-event.js';

/** Of ClickHouse, ms. */
const TIME_LIMIT_MS = 10_000;
/** A page of a list is looked for in the newest day first, then in 30 days, and only then in all that is asked for, ms. */
const WINDOWS = [DAY_MS, 30 * DAY_MS];

type Answered = Omit<LimitedQuestion, 'timeLimitMs'>;
type Who = Pick<Asker, 'account' | 'gone'>;

/** How a question is asked. */
interface Cost {
  isHeavy?: boolean;
  isPatient?: boolean;
}

/**
 * Lists of events: ClickHouse knows which they are and in which order, and MySQL has the rows. ClickHouse is asked first, so a
 * row that is erased meanwhile is left out.
 */
@Injectable()
export class CopiedEvents {
  constructor(
    private readonly readModel: ReadModelQuestions,
    private readonly questions: Questions,
  ) {}

  /** Asks ClickHouse. @throws ReadModelUnavailableError */
  ask<Row>(asker: Who, question: Answered, cost: Cost = {}, timeLimitMs = TIME_LIMIT_MS): Promise<Row[]> {
    return this.readModel.ask<Row>(asker, cost, { ...question, timeLimitMs });
  }

  /**
   * The first rows of a list that goes back in time.
   * @param newest ms, where the list begins @param oldest ms, where it ends
   * @param question for the rows from a time (ms) on, in the order of the list
   * @returns as many as `limit`, unless there are fewer in all
   */
  async newest<Row>(
    asker: Who,
    { newest, oldest, limit }: { newest: number; oldest: number; limit: number },
    question: (from: number) => Answered,
  ): Promise<Row[]> {
    for (const width of WINDOWS) {
      if (newest - width <= oldest) break;
      const rows = await this.ask<Row>(asker, question(newest - width));
      if (rows.length >= limit) return rows;
    }
    return this.ask<Row>(asker, question(oldest));
  }

  /** Rows of MySQL in the order of their keys, without those that are gone. */
  rows(asker: Who, keys: readonly EventKey[], isPatient = false): Promise<ListedEvent[]> {
    if (keys.length === 0) return Promise.resolve([]);
    const apps = new Set(keys.map(({ appId }) => appId)).size;
    return this.questions.ask(asker, { apps, isPatient }, (manager) => eventsByKey(manager, keys));
  }
}

import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';

/** Questions about events that one process asks MySQL at a time: fewer than its connections, of which others need some. */
const AT_A_TIME = 4;
/** Of one account, asked or waiting. */
const OF_ACCOUNT_MAX = 12;

/**
 * Lets few questions that look at events one by one be asked at a time, in the order in which they come: sign-in,
 * revocations and summaries never wait for them. Who asks for too much at once is told so.
 */
@Injectable()
export class RawQuestions {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly byAccount = new Map<string, number>();

  /** @param account whose numbers are asked @throws AppError 429; whatever the question throws */
  async ask<T>(account: string, question: () => Promise<T>): Promise<T> {
    const own = this.byAccount.get(account) ?? 0;
    if (own >= OF_ACCOUNT_MAX) {
      const detail = `${OF_ACCOUNT_MAX} questions about single events are being answered for this account. Try again in a moment.`;
      throw new AppError(429, 'too_many_questions', detail, { headers: { 'retry-after': '1' } });
    }
    this.byAccount.set(account, own + 1);
    try {
      await this.turn();
      try {
        return await question();
      } finally {
        const next = this.waiting.shift();
        if (next) next();
        else this.running -= 1;
      }
    } finally {
      const left = this.byAccount.get(account)! - 1;
      if (left > 0) this.byAccount.set(account, left);
      else this.byAccount.delete(account);
    }
  }

  /** Whoever is done hands on their place. */
  private async turn(): Promise<void> {
    if (this.running < AT_A_TIME) this.running += 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { BacklogReader } from '../buffer/backlog.js';
import { lastCommit } from './queries/last-commit.js';

/** Up to when an answer is complete. */
@Injectable()
export class CompleteTo {
  constructor(private readonly backlog: BacklogReader) {}

  /**
   * Ask it before MySQL, so that what was accepted before it is certainly in the answer: the receipt of the oldest event
   * on its way, or now when there is none. While Redis is away: the last commit.
   */
  async time(manager: EntityManager): Promise<Date> {
    const now = new Date();
    try {
      const { oldestReceivedAt } = await this.backlog.read();
      return oldestReceivedAt === undefined ? now : new Date(Math.min(oldestReceivedAt, now.getTime()));
    } catch {
      return (await lastCommit(manager)) ?? now;
    }
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { lowestId } from '../events/event-id.js';
import { FUTURE_TOLERANCE_MS, MINUTE_MS } from '../events/limits.js';
import { Questions } from '../questions/questions.js';
import { eventPage } from './queries/event-page.js';
import type { ListedEvent } from './queries/listed-event.js';
import { minuteCounts } from './queries/live.js';

export const LIVE_WINDOW_MS = 30 * MINUTE_MS;
const LOOK_EVERY_MS = 1000;
/** Share of the time for which the newest events of a feed may be looked for: over many apps that takes longer. */
const LOOKING_SHARE = 0.1;
/** Share of the time for which an account's feeds may count, so that a busy app is counted less often. */
const COUNTING_SHARE = 0.05;
/** Newest events told of at a time: nobody can read more in a second. */
const TOLD_AT_ONCE = 50;

/** What a look has found. */
export interface LiveState {
  /** The newest events of the window, newest first. */
  newest: readonly ListedEvent[];
  /** JSON text of the counts by minute; undefined until they are counted. */
  counts: string | undefined;
}

/** When an account's feeds may count again. */
interface Counting {
  againAt: number;
}

/** What happens in a set of apps, looked at once for all streams that tell of it. */
export class LiveFeed {
  listeners = 0;
  /** When this feed was last counted, ms. */
  countedAt = 0;
  private readonly ended = new AbortController();
  private state: LiveState | undefined;
  private looks = 0;
  private failure: unknown;
  /** Streams that wait for the next look. */
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly questions: Questions,
    readonly account: string,
    private readonly appIds: readonly string[],
    private readonly mayCount: (feed: LiveFeed) => boolean,
    private readonly counting: Counting,
  ) {}

  /**
   * The state after a look, as soon as there is one.
   * @param look number of the last look whose state is known; 0 for none
   * @returns undefined when there was none within `withinMs`, or when `ended` is aborted
   * @throws what the look threw
   */
  async after(look: number, withinMs: number, ended: AbortSignal): Promise<[LiveState, number] | undefined> {
    if (this.looks === look && !this.failure) await this.looked(withinMs, ended);
    if (this.failure) throw this.failure;
    return this.state && this.looks !== look ? [this.state, this.looks] : undefined;
  }

  stop(): void {
    this.ended.abort(new Error('Nobody reads any more'));
  }

  /** Looks again and again until it is stopped. @returns when it has ended or failed */
  async run(): Promise<void> {
    const { signal } = this.ended;
    while (!signal.aborted && !this.failure) {
      const begun = Date.now();
      try {
        this.state = await this.look(begun);
        this.looks += 1;
      } catch (error) {
        this.failure = error;
      }
      for (const wake of this.waiting) wake();
      const pause = Math.max(LOOK_EVERY_MS, (Date.now() - begun) / LOOKING_SHARE);
      if (!this.failure) await wait(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  private looked(withinMs: number, ended: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        ended.removeEventListener('abort', wake);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, withinMs).unref();
      ended.addEventListener('abort', wake, { once: true });
      this.waiting.add(wake);
    });
  }

  private async look(now: number): Promise<LiveState> {
    if (this.appIds.length === 0) return { newest: [], counts: undefined };
    const newest = await this.ask(false, (manager) => this.newest(manager, now - LIVE_WINDOW_MS));
    return { newest, counts: this.mayCount(this) ? await this.count() : this.state?.counts };
  }

  private newest(manager: EntityManager, since: number): Promise<ListedEvent[]> {
    const page = { from: lowestId(since), before: lowestId(Date.now() + FUTURE_TOLERANCE_MS), limit: TOLD_AT_ONCE };
    return eventPage(manager, this.appIds, page, { occurredFrom: since });
  }

  private count(): Promise<string> {
    return this.ask(true, async (manager) => {
      const now = Date.now();
      const since = Math.floor((now - LIVE_WINDOW_MS) / MINUTE_MS + 1) * MINUTE_MS;
      const minutes = await minuteCounts(manager, this.appIds, since, now);
      this.countedAt = Date.now();
      this.counting.againAt = this.countedAt + (this.countedAt - now) / COUNTING_SHARE;
      return JSON.stringify({ total: minutes.reduce((sum, { count }) => sum + count, 0), minutes });
    });
  }

  private ask<T>(isHeavy: boolean, question: (manager: EntityManager) => Promise<T>): Promise<T> {
    const asker = { account: this.account, gone: this.ended.signal };
    return this.questions.ask(asker, { apps: this.appIds.length, isHeavy, isPatient: true }, question);
  }
}

/** The feeds that streams read now. */
@Injectable()
export class LiveFeeds {
  private readonly feeds = new Map<string, LiveFeed>();
  private readonly counting = new Map<string, Counting>();

  constructor(private readonly questions: Questions) {}

  /** @param account owner of the apps @param appIds 32 hex digits each @returns the feed; {@link leave} it */
  join(account: string, appIds: readonly string[]): LiveFeed {
    const key = keyOf(account, appIds);
    let feed = this.feeds.get(key);
    if (!feed) {
      const counting = this.counting.get(account) ?? { againAt: 0 };
      this.counting.set(account, counting);
      const made = new LiveFeed(this.questions, account, appIds, (one) => this.mayCount(one, counting), counting);
      this.feeds.set(key, made);
      // A feed that has failed is made anew by the next stream.
      void made.run().finally(() => this.forget(key, made));
      feed = made;
    }
    feed.listeners += 1;
    return feed;
  }

  leave(feed: LiveFeed): void {
    feed.listeners -= 1;
    if (feed.listeners > 0) return;
    feed.stop();
    for (const [key, one] of this.feeds) if (one === feed) this.forget(key, feed);
  }

  private forget(key: string, feed: LiveFeed): void {
    if (this.feeds.get(key) !== feed) return;
    this.feeds.delete(key);
    if (![...this.feeds.values()].some(({ account }) => account === feed.account)) this.counting.delete(feed.account);
  }

  /** An account's feeds share its time for counting: the one that was counted longest ago comes first. */
  private mayCount(feed: LiveFeed, { againAt }: Counting): boolean {
    if (Date.now() < againAt) return false;
    return [...this.feeds.values()].every((one) => one.account !== feed.account || one.countedAt >= feed.countedAt);
  }
}

function keyOf(account: string, appIds: readonly string[]): string {
  return `${account} ${[...appIds].sort().join(' ')}`;
}

import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { MINUTE_MS } from '../events/limits.js';
import { ReadModelUnavailableError } from '../read-model/questions/read-model-errors.js';
import { type AskedApp, idsOf } from './analytics-scope.js';
import { CopiedEvents } from './copied-events.js';
import type { ListedEvent } from './queries/listed-event.js';
import { eventKey, type KeyRow, latestKeys } from './read-model/event-keys.js';
import { minuteCountsQuestion } from './read-model/minute-counts.js';

export const LIVE_WINDOW_MS = 30 * MINUTE_MS;
const LOOK_EVERY_MS = 1000;
/** Share of the time for which the newest events of a feed may be looked for: over many apps that takes longer. */
const LOOKING_SHARE = 0.1;
/** Share of the time for which an account's feeds may count, so that a busy app is counted less often. */
const COUNTING_SHARE = 0.05;
/** Newest events told of at a time: nobody can read more in a second. */
const TOLD_AT_ONCE = 50;

/** Of ClickHouse, ms. The engine keeps a session free for questions of at most 4 s. */
const TIME_LIMIT_MS = 4000;

/** What a look has found. */
export interface LiveState {
  /** The newest events of the window, newest first. */
  newest: readonly ListedEvent[];
  /** JSON text of the counts by minute; undefined until they are counted. */
  counts: string | undefined;
  /** Why nothing could be found: ClickHouse does not answer, or has no complete copy yet. */
  unavailable?: ReadModelUnavailableError;
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
    private readonly copied: CopiedEvents,
    readonly account: string,
    private readonly apps: readonly AskedApp[],
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
        this.state = await this.lookOrTell(begun);
        this.looks += 1;
      } catch (error) {
        this.failure = error;
      }
      for (const wake of this.waiting) wake();
      // A look that waited for ClickHouse in vain has cost nobody anything: the feed goes on as soon as it answers.
      const pause =
        this.state?.unavailable?.code === 'read_model_unavailable' ? 0 : (Date.now() - begun) / LOOKING_SHARE;
      if (!this.failure) await wait(Math.max(LOOK_EVERY_MS, pause), undefined, { signal }).catch(() => undefined);
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

  /** A feed goes on while ClickHouse does not answer. */
  private async lookOrTell(now: number): Promise<LiveState> {
    try {
      return await this.look(now);
    } catch (error) {
      if (error instanceof ReadModelUnavailableError) return { newest: [], counts: undefined, unavailable: error };
      throw error;
    }
  }

  private async look(now: number): Promise<LiveState> {
    if (this.apps.length === 0) return { newest: [], counts: undefined };
    const latest = latestKeys(this.apps, now - LIVE_WINDOW_MS, TOLD_AT_ONCE);
    const keys = await this.copied.ask<KeyRow>(this.asker, latest, { isPatient: true }, TIME_LIMIT_MS);
    const newest = await this.copied.rows(this.asker, keys.map(eventKey), true);
    return { newest, counts: this.mayCount(this) ? await this.count() : this.state?.counts };
  }

  private async count(): Promise<string> {
    const now = Date.now();
    const since = Math.floor((now - LIVE_WINDOW_MS) / MINUTE_MS + 1) * MINUTE_MS;
    const { read, ...question } = minuteCountsQuestion(this.apps, since, now);
    const cost = { isHeavy: true, isPatient: true };
    const minutes = read(await this.copied.ask(this.asker, question, cost, TIME_LIMIT_MS));
    this.countedAt = Date.now();
    this.counting.againAt = this.countedAt + (this.countedAt - now) / COUNTING_SHARE;
    return JSON.stringify({ total: minutes.reduce((sum, { count }) => sum + count, 0), minutes });
  }

  private get asker(): { account: string; gone: AbortSignal } {
    return { account: this.account, gone: this.ended.signal };
  }
}

/** The feeds that streams read now. */
@Injectable()
export class LiveFeeds {
  private readonly feeds = new Map<string, LiveFeed>();
  private readonly counting = new Map<string, Counting>();

  constructor(private readonly copied: CopiedEvents) {}

  /** @param account owner of the apps @returns the feed; {@link leave} it */
  join(account: string, apps: readonly AskedApp[]): LiveFeed {
    const key = keyOf(account, apps);
    let feed = this.feeds.get(key);
    if (!feed) {
      const counting = this.counting.get(account) ?? { againAt: 0 };
      this.counting.set(account, counting);
      const made = new LiveFeed(this.copied, account, apps, (one) => this.mayCount(one, counting), counting);
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

function keyOf(account: string, apps: readonly AskedApp[]): string {
  const ids = idsOf(apps);
  return `${account} ${ids.sort().join(' ')}`;
}

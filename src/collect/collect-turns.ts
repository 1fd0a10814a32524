import { AppError } from '../common/app-error.js';

/** Requests that begin in one turn of the event loop. */
const ALONE = 64;
/** The same, while several accounts send: each turn is over sooner then. */
const SHARED = 24;
/** Other accounts count so long after their latest request, ms. */
const SHARED_FOR_MS = 1000;
/** Requests of an account that may wait. */
const WAITING_MAX = 2000;

/**
 * Lets collect requests begin, so many in a turn of the event loop. Those that are left over wait, and accounts take turns. An
 * answer needs several turns; each was as long as all requests that had come meanwhile, from however many connections.
 */
export class CollectTurns {
  private begun = 0;
  private readonly waiting = new Map<string, (() => void)[]>();
  private turnEnds = false;
  private current = '';
  private currentAt = -Infinity;
  private sharedUntil = -Infinity;

  constructor(private readonly waitingMax = WAITING_MAX) {}

  /**
   * @param account 32 hex digits
   * @param begin called now, or in one of the next turns
   * @throws AppError 429 when too many of the account's requests wait
   */
  take(account: string, begin: () => void): void {
    this.note(account);
    if (this.waiting.size === 0 && this.begun < this.most()) {
      this.begun += 1;
      this.endTurnLater();
      return begin();
    }
    const own = this.waiting.get(account);
    if (!own) this.waiting.set(account, [begin]);
    else if (own.length < this.waitingMax) own.push(begin);
    else {
      const detail = 'Too many requests of this account wait to be taken. Send fewer at a time; try again in a second.';
      throw new AppError(429, 'too_many_at_once', detail, { headers: { 'retry-after': '1' } });
    }
    this.endTurnLater();
  }

  /** Whether several accounts send. */
  private note(account: string): void {
    const now = performance.now();
    if (account !== this.current) {
      if (now - this.currentAt < SHARED_FOR_MS) this.sharedUntil = now + SHARED_FOR_MS;
      this.current = account;
    }
    this.currentAt = now;
  }

  private most(): number {
    return performance.now() < this.sharedUntil ? SHARED : ALONE;
  }

  private endTurnLater(): void {
    if (this.turnEnds) return;
    this.turnEnds = true;
    setImmediate(() => this.endTurn());
  }

  private endTurn(): void {
    this.turnEnds = false;
    this.begun = 0;
    if (this.waiting.size === 0) return;
    this.endTurnLater();
    for (let left = this.most(); left > 0 && this.waiting.size > 0; left -= 1) {
      // The account that has waited longest since its latest turn.
      const [account, own] = this.waiting.entries().next().value!;
      const begin = own.shift()!;
      this.waiting.delete(account);
      if (own.length > 0) this.waiting.set(account, own);
      this.begun += 1;
      begin();
    }
  }
}

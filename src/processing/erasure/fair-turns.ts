/** A lane of work: what there is to do for one app of an account. */
export interface Lane<T> {
  ownerId: string;
  appId: string;
  work: T;
}

interface Account<T> {
  /** By app id. The first is served next. */
  lanes: Map<string, Lane<T>>;
  /** Time that was spent on the account, ms. */
  spentMs: number;
}

/**
 * Shares time between accounts: the account on which least time was spent is served next, and its apps take turns. An
 * account that comes later starts level with the account served least, so it neither waits for the others to finish nor
 * holds them up. An account that has no more work is forgotten.
 */
export class FairTurns<T> {
  /** By owner id. Among accounts on which equal time was spent the first is served next. */
  private readonly accounts = new Map<string, Account<T>>();

  get isEmpty(): boolean {
    return this.accounts.size === 0;
  }

  has(ownerId: string, appId: string): boolean {
    return this.accounts.get(ownerId)?.lanes.has(appId) ?? false;
  }

  add(lane: Lane<T>): void {
    let account = this.accounts.get(lane.ownerId);
    if (!account) {
      const [least = 0] = [...this.accounts.values()].map(({ spentMs }) => spentMs).sort((a, b) => a - b);
      account = { lanes: new Map(), spentMs: least };
      this.accounts.set(lane.ownerId, account);
    }
    account.lanes.set(lane.appId, lane);
  }

  /** The lane to serve now; undefined when there is none. */
  next(): Lane<T> | undefined {
    let found: Account<T> | undefined;
    for (const account of this.accounts.values()) if (!found || account.spentMs < found.spentMs) found = account;
    return found?.lanes.values().next().value;
  }

  /** The lane was served, and has more work: the other lanes of its account come first. @param tookMs of this turn */
  served(lane: Lane<T>, tookMs: number): void {
    const account = this.accounts.get(lane.ownerId)!;
    account.spentMs += tookMs;
    account.lanes.delete(lane.appId);
    account.lanes.set(lane.appId, lane);
  }

  /** The lane was served, and its work is done. @param tookMs of this turn */
  ended(lane: Lane<T>, tookMs: number): void {
    const account = this.accounts.get(lane.ownerId)!;
    account.spentMs += tookMs;
    account.lanes.delete(lane.appId);
    if (account.lanes.size === 0) this.accounts.delete(lane.ownerId);
  }
}

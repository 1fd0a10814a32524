import type { BatchKey } from './sealing.repository.js';

/** An app with batches that have not been looked at. */
export interface AppTurn {
  appId: Buffer;
  ownerId: Buffer;
  /** The last batch that was looked at; undefined before the first. */
  after?: BatchKey;
}

/**
 * Whose batches are looked at next: accounts in turn, and the apps of each account in turn. So nobody's cells wait until all of
 * another account's are sealed.
 */
export class SealingTurns {
  /** By owner, then by app; the next one stands first. */
  private readonly owners = new Map<string, Map<string, AppTurn>>();

  get isEmpty(): boolean {
    return this.owners.size === 0;
  }

  /** Adds apps behind the others. One that waits already keeps its place. */
  add(apps: readonly AppTurn[]): void {
    for (const app of apps) {
      const [owner, name] = [app.ownerId.toString('hex'), app.appId.toString('hex')];
      let own = this.owners.get(owner);
      if (!own) this.owners.set(owner, (own = new Map()));
      if (!own.has(name)) own.set(name, app);
    }
  }

  /** Takes the next app out. Add it again while it has batches that have not been looked at. */
  take(): AppTurn | undefined {
    for (const [owner, own] of this.owners) {
      this.owners.delete(owner);
      for (const [name, app] of own) {
        own.delete(name);
        if (own.size > 0) this.owners.set(owner, own);
        return app;
      }
    }
    return undefined;
  }
}

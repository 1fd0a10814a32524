/** Names that are counted at one time. Beyond these the ones whose windows began first are forgotten. */
const NAMES_MAX = 20_000;

/**
 * Counts by name, in memory, over windows of a fixed length that begin with a name's first count. For limits that need not
 * be shared by processes.
 */
export class WindowCounts {
  /** In the order in which the windows began. */
  private readonly windows = new Map<string, { count: number; endsAt: number }>();

  /** @param lengthMs of a window */
  constructor(private readonly lengthMs: number) {}

  /** Counts one, or more. @returns the count of this window */
  add(name: string, amount = 1): number {
    const now = performance.now();
    const window = this.windows.get(name);
    if (window && window.endsAt > now) return (window.count += amount);
    this.windows.delete(name);
    if (this.windows.size >= NAMES_MAX) this.windows.delete(this.windows.keys().next().value!);
    this.windows.set(name, { count: amount, endsAt: now + this.lengthMs });
    return amount;
  }

  /** Takes one back. */
  remove(name: string): void {
    const window = this.windows.get(name);
    if (window) window.count -= 1;
  }

  /** The count of this window. */
  count(name: string): number {
    const window = this.windows.get(name);
    return window && window.endsAt > performance.now() ? window.count : 0;
  }

  /** Milliseconds until the name's window ends; 0 when it has none. */
  msLeft(name: string): number {
    return Math.max(0, (this.windows.get(name)?.endsAt ?? 0) - performance.now());
  }
}

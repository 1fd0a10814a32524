const WINDOW_MS = 1000;

interface Window {
  lines: number;
  leftOut: number;
}

/** Bounds how many log lines of a kind are written a second, and counts those that are not. */
export class LineLimit {
  private readonly windows = new Map<string, Window>();

  /**
   * @param most lines of each kind a second
   * @param onLeftOut hears at the end of a second how many lines of a kind it went without
   */
  constructor(
    private readonly most: number,
    private readonly onLeftOut: (kind: string, leftOut: number) => void,
  ) {}

  /** Whether one more line may be written now. @param kind of a small, fixed set */
  allows(kind: string): boolean {
    const window = this.windows.get(kind) ?? this.open(kind);
    if (window.lines < this.most) {
      window.lines += 1;
      return true;
    }
    window.leftOut += 1;
    return false;
  }

  private open(kind: string): Window {
    const window = { lines: 0, leftOut: 0 };
    this.windows.set(kind, window);
    const end = (): void => {
      this.windows.delete(kind);
      if (window.leftOut > 0) this.onLeftOut(kind, window.leftOut);
    };
    setTimeout(end, WINDOW_MS).unref();
    return window;
  }
}

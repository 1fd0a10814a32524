import { readModelAway } from './read-model-errors.js';

/** How long questions are refused at once after ClickHouse was found away, ms. */
const REFUSING_MS = 1000;

/**
 * Whether ClickHouse can be reached. Once it was found away, questions are refused at once, and what is under way ends: a
 * frozen ClickHouse takes connections and never answers, and would hold each question for its whole time.
 */
export class Reachability {
  private away = false;
  private askAgainAt = 0;
  private probe?: Promise<boolean>;
  private ended = new AbortController();

  /**
   * @param ping whether ClickHouse answers within a short time; never throws
   * @param onChange hears of each change
   */
  constructor(
    private readonly ping: () => Promise<boolean>,
    private readonly onChange: (isAway: boolean) => void,
  ) {}

  /** Aborted when ClickHouse is found away. */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /**
   * While ClickHouse is away, one caller a second waits to see whether it is back; the others are refused at once.
   * @throws ReadModelUnavailableError
   */
  async assert(): Promise<void> {
    if (!this.away) return;
    if (this.probe || Date.now() < this.askAgainAt) throw readModelAway();
    if (!(await this.check())) throw readModelAway();
  }

  /** Asks ClickHouse now, once for everybody who asks meanwhile. @returns whether it answers */
  check(): Promise<boolean> {
    this.probe ??= this.ping()
      .then((answers) => {
        if (answers) this.found();
        else this.lost();
        return answers;
      })
      .finally(() => (this.probe = undefined));
    return this.probe;
  }

  /** A connection failed. @param cause for those whose questions end by it */
  lost(cause?: unknown): void {
    this.askAgainAt = Date.now() + REFUSING_MS;
    if (this.away) return;
    this.away = true;
    this.ended.abort(readModelAway(cause));
    this.onChange(true);
  }

  private found(): void {
    if (!this.away) return;
    this.away = false;
    this.ended = new AbortController();
    this.onChange(false);
  }
}

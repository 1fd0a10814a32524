import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a step takes at the least, ms. */
const STEP_MS = 4;

/** For whom a step was taken in this turn of the event loop. */
const taken = new Set<string>();

/**
 * Splits a long computation into steps, one in each turn of the event loop for everything that is computed in the same lane:
 * other requests wait for one step of each lane, not for one of each computation under way.
 */
export class Steps {
  private begun: number | undefined;

  /** @param lane for whom it is computed: lanes do not wait for each other. All questions share one. */
  constructor(private readonly lane = 'questions') {}

  /** A computation whose first step goes on at once, since most of its kind are over by then. */
  static fromNow(lane: string): Steps {
    const steps = new Steps(lane);
    steps.begun = performance.now();
    return steps;
  }

  /** Whether the step has taken its time. Costs less than a call of {@link pause} that does not pause. */
  get isOver(): boolean {
    return this.begun === undefined || performance.now() - this.begun >= STEP_MS;
  }

  /** Call it often: once the step has taken its time, it lets others go on. */
  async pause(): Promise<void> {
    if (!this.isOver) return;
    do await nextTurn();
    while (taken.has(this.lane));
    if (taken.size === 0) setImmediate(() => taken.clear());
    taken.add(this.lane);
    this.begun = performance.now();
  }
}

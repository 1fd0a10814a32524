import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a step takes at the least, ms. */
const STEP_MS = 4;

/** Whether a step was taken in this turn of the event loop. */
let isTaken = false;

/**
 * Splits a long computation into steps, one in each turn of the event loop, whichever computation it belongs to: other
 * requests wait for one step, not for one of each computation under way.
 */
export class Steps {
  private begun: number | undefined;

  /** Call it often: once the step has taken its time, it lets others go on. */
  async pause(): Promise<void> {
    if (this.begun !== undefined && performance.now() - this.begun < STEP_MS) return;
    do await nextTurn();
    while (isTaken);
    isTaken = true;
    setImmediate(() => (isTaken = false));
    this.begun = performance.now();
  }
}

import { Histogram } from 'prom-client';
import type { Logger } from './logger.js';

/** The longest delay that a timer of Node takes, ms; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Duration of each run, in seconds. `Metrics` adds it to the registry that /metrics shows. */
export const taskDuration = new Histogram({
  name: 'tallystone_task_duration_seconds',
  help: 'Duration of one run of a periodic task, by task',
  labelNames: ['task'],
  buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  registers: [],
});

export interface PeriodicTaskOptions {
  /** In lower case with hyphens. Label of the metric, and named in the log. */
  name: string;
  /** From the end of one run to the start of the next, ms. A function is asked after each run. */
  intervalMs: number | (() => number);
  /** One run. @param signal aborted, with a TaskStoppedError, when the task is stopped */
  run: (signal: AbortSignal) => Promise<void> | void;
  logger: Logger;
  /** Logged, with the error, when a run fails. */
  failure?: string;
  /** Level of that log line; default `warn`. */
  failureLevel?: 'debug' | 'warn' | 'error';
  /** Whether the timer alone keeps the process running; default false. */
  keepsProcessAlive?: boolean;
}

/** Why a run ends early: its task is being stopped. It is not logged. */
export class TaskStoppedError extends Error {
  override readonly name = 'TaskStoppedError';
}

/**
 * Work that is done again and again. Runs never overlap: the pause begins when a run has ended, however long it took. A
 * failed run is logged and does not end the task. `stop()` waits for the run under way.
 */
export class PeriodicTask {
  private readonly stopped = new AbortController();
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private started = false;

  constructor(private readonly options: PeriodicTaskOptions) {}

  get stopping(): boolean {
    return this.stopped.signal.aborted;
  }

  /** The first run follows after one interval. Call `runNow()` first where it should not wait. */
  start(): void {
    this.started = true;
    this.schedule();
  }

  /**
   * Starts a run, or joins the one under way. The next one follows an interval after its end.
   * @returns when the run has ended; never rejects
   */
  runNow(): Promise<void> {
    if (this.stopping) return this.running ?? Promise.resolve();
    this.running ??= this.runOnce().finally(() => {
      this.running = undefined;
      if (this.started) this.schedule();
    });
    return this.running;
  }

  /** Starts no run from now on. @returns when the run under way has ended */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    if (!this.stopping) this.stopped.abort(new TaskStoppedError(`The task ${this.options.name} was stopped`));
    await this.running;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.stopping || this.running) return;
    const { intervalMs, keepsProcessAlive = false } = this.options;
    const delay = typeof intervalMs === 'number' ? intervalMs : intervalMs();
    this.timer = setTimeout(() => void this.runNow(), Math.min(delay, LONGEST_DELAY_MS));
    if (!keepsProcessAlive) this.timer.unref();
  }

  private async runOnce(): Promise<void> {
    clearTimeout(this.timer);
    const {
      name,
      run,
      logger,
      failure = 'A periodic task failed; it runs again',
      failureLevel = 'warn',
    } = this.options;
    const end = taskDuration.startTimer({ task: name });
    try {
      await run(this.stopped.signal);
    } catch (error) {
      if (!(error instanceof TaskStoppedError)) logger[failureLevel]({ err: error, task: name }, failure);
    } finally {
      end();
    }
  }
}

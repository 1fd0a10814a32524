import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from './logger.js';
import { PeriodicTask, type PeriodicTaskOptions, taskDuration } from './periodic-task.js';

const logged: [level: string, fields: object, message: string][] = [];
const log = (level: string) => (fields: object, message: string) => void logged.push([level, fields, message]);
const logger = { debug: log('debug'), warn: log('warn'), error: log('error') } as unknown as Logger;
const tasks: PeriodicTask[] = [];

function task(options: Partial<PeriodicTaskOptions> & Pick<PeriodicTaskOptions, 'run'>): PeriodicTask {
  const made = new PeriodicTask({ name: 'test', intervalMs: 1, logger, ...options });
  tasks.push(made);
  return made;
}

/** Resolves when `called` was called `times` times. */
function calls(times: number): { called: () => void; done: Promise<void> } {
  let left = times;
  let called = (): void => undefined;
  const done = new Promise<void>((resolve) => (called = () => void ((left -= 1) === 0 && resolve())));
  return { called, done };
}

describe('PeriodicTask', () => {
  beforeEach(() => (logged.length = 0));
  afterEach(() => Promise.all(tasks.splice(0).map((one) => one.stop())));

  it('never overlaps runs that take longer than the interval', async () => {
    let [running, most] = [0, 0];
    const { called, done } = calls(5);
    const slow = task({
      run: async () => {
        most = Math.max(most, (running += 1));
        await wait(5);
        running -= 1;
        called();
      },
    });
    slow.start();
    await done;
    expect(most).toBe(1);
  });

  it('joins the run under way when it is told to run now', async () => {
    let runs = 0;
    const one = task({ intervalMs: 60_000, run: () => wait(5).then(() => void (runs += 1)) });
    one.start();
    await Promise.all([one.runNow(), one.runNow(), one.runNow()]);
    expect(runs).toBe(1);
    await one.runNow();
    expect(runs).toBe(2);
  });

  it('waits on stop for the run under way, tells it to end, and runs no more', async () => {
    let runs = 0;
    let ended = false;
    const one = task({
      run: async (signal) => {
        runs += 1;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await wait(5);
        ended = true;
        signal.throwIfAborted();
      },
    });
    void one.runNow();
    await one.stop();
    expect(ended).toBe(true);
    one.start();
    await one.runNow();
    await wait(10);
    expect(runs).toBe(1);
    expect(logged).toEqual([]);
  });

  it('logs a failure and runs again', async () => {
    const { called, done } = calls(2);
    const failure = 'Could not do it; it is tried again';
    const failing = task({
      failure,
      failureLevel: 'error',
      run: () => {
        called();
        throw new Error('No');
      },
    });
    failing.start();
    await done;
    await failing.stop();
    expect(logged[0]).toEqual(['error', expect.objectContaining({ task: 'test', err: expect.any(Error) }), failure]);
  });

  it('asks a function for the interval after each run', async () => {
    const { called, done } = calls(3);
    let asked = 0;
    task({ run: called, intervalMs: () => (asked += 1) }).start();
    await done;
    expect(asked).toBeGreaterThanOrEqual(3);
  });

  it('waits for an interval that is longer than a timer of Node can', async () => {
    let runs = 0;
    task({ run: () => void (runs += 1), intervalMs: 2 ** 32 }).start();
    await wait(20);
    expect(runs).toBe(0);
  });

  it('tells the duration of each run', async () => {
    await task({ name: 'timed', run: () => undefined }).runNow();
    const { values } = await taskDuration.get();
    const count = values.find(({ metricName, labels }) => /_count$/.test(metricName!) && labels.task === 'timed');
    expect(count?.value).toBe(1);
  });
});

import { Reachability } from './reachability.js';

/** A ClickHouse that answers pings when it is told to. */
class Pings {
  readonly waiting: ((answers: boolean) => void)[] = [];
  readonly changes: boolean[] = [];
  readonly reachability = new Reachability(
    () => new Promise((resolve) => this.waiting.push(resolve)),
    (isAway) => this.changes.push(isAway),
  );
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('while ClickHouse answers, nobody waits', async () => {
  const { reachability, waiting } = new Pings();
  await reachability.assert();
  expect(waiting).toHaveLength(0);
});

test('once it is away, what is under way ends and questions are refused without a ping', async () => {
  const { reachability, waiting, changes } = new Pings();
  const { signal } = reachability;
  reachability.lost(new Error('ECONNREFUSED'));
  expect(signal.aborted).toBe(true);
  await expect(reachability.assert()).rejects.toMatchObject({ status: 503, code: 'read_model_unavailable' });
  expect(waiting).toHaveLength(0);
  expect(changes).toEqual([true]);
});

test('after a second one question waits for a ping, and the others are refused', async () => {
  const { reachability, waiting, changes } = new Pings();
  reachability.lost();
  jest.advanceTimersByTime(1001);
  const first = reachability.assert();
  await expect(reachability.assert()).rejects.toMatchObject({ status: 503 });
  expect(waiting).toHaveLength(1);
  waiting[0]!(true);
  await first;
  await reachability.assert();
  expect(reachability.signal.aborted).toBe(false);
  expect(changes).toEqual([true, false]);
});

test('a ping in vain means another second', async () => {
  const { reachability, waiting } = new Pings();
  reachability.lost();
  jest.advanceTimersByTime(1001);
  const first = reachability.assert();
  waiting[0]!(false);
  await expect(first).rejects.toMatchObject({ status: 503 });
  await expect(reachability.assert()).rejects.toMatchObject({ status: 503 });
  expect(waiting).toHaveLength(1);
});

import { CollectTurns } from './collect-turns.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns of accounts at collecting', () => {
  let turns: CollectTurns;
  let begun: string[];
  beforeEach(() => {
    turns = new CollectTurns();
    begun = [];
  });
  const take = (account: string, times: number): void => {
    // What waits of an earlier test goes on.
    const own = begun;
    for (let i = 0; i < times; i += 1) turns.take(account, () => own.push(account));
  };

  test('a few begin at once', () => {
    take('ann', 64);
    expect(begun).toHaveLength(64);
  });

  test('of a thousand so many begin in a turn, and another account is next, whenever it comes', async () => {
    take('ann', 1000);
    expect(begun).toHaveLength(64);
    await turn();
    expect(begun).toHaveLength(128);
    take('bob', 2);
    await turn();
    const next = begun.slice(128);
    expect(next.slice(0, 4)).toEqual(['ann', 'bob', 'ann', 'bob']);
    // While somebody else sends, turns are shorter.
    expect(next).toHaveLength(24);
    take('bob', 1);
    await turn();
    expect(begun.slice(152, 154)).toContain('bob');
  });

  test('everything begins in the end, in the order of its account', async () => {
    const order: number[] = [];
    for (let i = 0; i < 500; i += 1) turns.take('ann', () => order.push(i));
    for (let i = 0; i < 60; i += 1) await turn();
    expect(order).toEqual(Array.from({ length: 500 }, (_none, i) => i));
    take('ann', 1);
    expect(begun).toEqual(['ann']);
  });

  test('an account that has too many waiting is told so, and no other', () => {
    turns = new CollectTurns(10);
    take('ann', 74);
    expect(() => take('ann', 1)).toThrow(expect.objectContaining({ status: 429, code: 'too_many_at_once' }));
    expect(() => take('bob', 10)).not.toThrow();
  });
});

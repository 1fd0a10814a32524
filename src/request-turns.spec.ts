import { type EndTurn, RequestTurns } from './request-turns.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns of senders', () => {
  let turns: RequestTurns;
  let begun: string[];
  let ends: EndTurn[];
  beforeEach(() => {
    turns = new RequestTurns();
    [begun, ends] = [[], []];
  });
  const take = (sender: string, times: number): void => {
    for (let i = 0; i < times; i += 1) {
      turns.take(sender, (end) => {
        begun.push(sender);
        ends.push(end);
      });
    }
  };
  /** Ends those under way that began first. */
  const end = async (count: number): Promise<void> => {
    for (const one of ends.splice(0, count)) {
      one();
      one();
    }
    await turn();
  };

  test('a thousand of one sender: some are under way, and the next begin as these end', async () => {
    take('ann', 1000);
    expect(begun).toHaveLength(64);
    await end(10);
    expect(begun).toHaveLength(74);
    while (ends.length > 0) await end(64);
    expect(begun).toHaveLength(1000);
  });

  test('whoever has none under way begins at once; while several send, each has fewer', async () => {
    take('ann', 1000);
    take('bob', 1);
    expect(begun.at(-1)).toBe('bob');
    await end(50);
    expect(begun).toHaveLength(65 + 10);
    for (let i = 0; i < 100; i += 1) take(`other ${i}`, 1);
    expect(begun).toHaveLength(65 + 10 + 100);
    take('other 0', 1);
    expect(begun).toHaveLength(65 + 10 + 100);
  });

  test('those that wait begin by turns', async () => {
    for (const sender of ['ann', 'bob']) take(sender, 100);
    await end(ends.length);
    const before = begun.length;
    await end(4);
    expect(begun.slice(before).sort()).toEqual(['ann', 'ann', 'bob', 'bob']);
  });

  test('those that are answered without waiting do not all go in one turn of the event loop', async () => {
    take('ann', 64);
    let count = 0;
    for (let i = 0; i < 2000; i += 1) {
      turns.take('ann', (done) => {
        count += 1;
        done();
      });
    }
    await end(64);
    expect(count).toBe(64);
    for (let i = 0; i < 100 && count < 2000; i += 1) await turn();
    expect(count).toBe(2000);
  });

  test('a sender that has too many waiting is told so, and no other', () => {
    turns = new RequestTurns(10);
    take('ann', 74);
    expect(() => take('ann', 1)).toThrow(expect.objectContaining({ status: 429, code: 'too_many_at_once' }));
    expect(() => take('bob', 10)).not.toThrow();
  });
});

import { FairTurns, type Lane } from './fair-turns.js';

function lane(ownerId: string, appId: string): Lane<string> {
  return { ownerId, appId, work: `${ownerId} ${appId}` };
}

/** Serves so many turns of a time each. @returns whose they were */
function serve(turns: FairTurns<string>, count: number, tookMs: (ownerId: string) => number): string[] {
  return Array.from({ length: count }, () => {
    const next = turns.next()!;
    turns.served(next, tookMs(next.ownerId));
    return next.work;
  });
}

describe('fair turns', () => {
  test('accounts take turns, however many apps one of them has', () => {
    const turns = new FairTurns<string>();
    for (let app = 0; app < 100; app += 1) turns.add(lane('ann', String(app)));
    turns.add(lane('bob', '0'));
    expect(serve(turns, 4, () => 1)).toEqual(['ann 0', 'bob 0', 'ann 1', 'bob 0']);
  });

  test('an account whose turns take longer has fewer of them', () => {
    const turns = new FairTurns<string>();
    turns.add(lane('ann', '0'));
    turns.add(lane('bob', '0'));
    const served = serve(turns, 22, (ownerId) => (ownerId === 'ann' ? 1000 : 100));
    expect(served.filter((work) => work === 'ann 0')).toHaveLength(2);
  });

  test('an account that comes late neither waits for what others had nor makes up for it', () => {
    const turns = new FairTurns<string>();
    turns.add(lane('ann', '0'));
    serve(turns, 50, () => 100);
    turns.add(lane('bob', '0'));
    const served = serve(turns, 10, () => 100);
    expect(served.filter((work) => work === 'bob 0')).toHaveLength(5);
  });

  test('apps of one account take turns', () => {
    const turns = new FairTurns<string>();
    turns.add(lane('ann', 'large'));
    serve(turns, 9, () => 100);
    turns.add(lane('ann', 'small'));
    expect(serve(turns, 3, () => 100)).toContain('ann small');
  });

  test('what has ended is forgotten', () => {
    const turns = new FairTurns<string>();
    turns.add(lane('ann', '0'));
    turns.ended(turns.next()!, 1);
    expect([turns.isEmpty, turns.has('ann', '0'), turns.next()]).toEqual([true, false, undefined]);
  });
});

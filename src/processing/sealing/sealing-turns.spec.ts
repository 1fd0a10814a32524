import { type AppTurn, SealingTurns } from './sealing-turns.js';

const turn = (owner: number, app: number): AppTurn => ({
  appId: Buffer.alloc(16, app),
  ownerId: Buffer.alloc(16, owner),
});
const taken = (turns: SealingTurns, count: number) =>
  Array.from({ length: count }, () => {
    const app = turns.take()!;
    turns.add([app]);
    return app.appId[0];
  });

test('accounts are served in turn, however many apps one of them has', () => {
  const turns = new SealingTurns();
  turns.add([turn(1, 11), turn(1, 12), turn(1, 13), turn(2, 21)]);
  expect(taken(turns, 8)).toEqual([11, 21, 12, 21, 13, 21, 11, 21]);
});

test('an app that waits keeps its place and where it stopped', () => {
  const turns = new SealingTurns();
  const after = { event: Buffer.from('a'), day: 1, batchId: Buffer.alloc(16) };
  turns.add([{ ...turn(1, 11), after }, turn(2, 21)]);
  turns.add([turn(1, 11), turn(3, 31)]);
  expect([turns.take(), turns.take(), turns.take(), turns.take()]).toEqual([
    { ...turn(1, 11), after },
    turn(2, 21),
    turn(3, 31),
    undefined,
  ]);
  expect(turns.isEmpty).toBe(true);
});

import { Steps } from './steps.js';

test('of several computations one takes a step in each turn of the event loop, and all come to their end', async () => {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const turns: number[] = [];
  const compute = async () => {
    const steps = new Steps();
    for (let i = 0; i < 5; i += 1) {
      await steps.pause();
      turns.push(turn);
      const until = performance.now() + 5;
      while (performance.now() < until);
    }
  };
  await Promise.all([compute(), compute(), compute()]);
  isOver = true;
  expect(turns).toHaveLength(15);
  expect(new Set(turns).size).toBe(15);
});

test('lanes do not wait for each other, and what begins at once is over before it has to wait', async () => {
  const order: string[] = [];
  const busy = new Steps('busy');
  const compute = async (name: string, steps: Steps) => {
    await steps.pause();
    order.push(name);
  };
  await Promise.all([
    compute('busy', busy),
    compute('busy too', new Steps('busy')),
    compute('other', new Steps('other')),
    compute('at once', Steps.fromNow('busy')),
  ]);
  expect(order).toEqual(['at once', 'busy', 'other', 'busy too']);
});

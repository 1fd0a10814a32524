import { InFlight } from './in-flight.js';

/** Work that ends when it is told to. */
function work() {
  let finish!: (value: string) => void;
  const done = new Promise<string>((resolve) => (finish = resolve));
  return { finish, run: jest.fn(() => done) };
}

test('one name has so many under way and so many waiting, and others are not held up', async () => {
  const turns = new InFlight(1, 1);
  const [first, second, other] = [work(), work(), work()];
  const one = turns.run('a', first.run);
  const two = turns.run('a', second.run);
  await expect(turns.run('a', () => Promise.resolve())).rejects.toMatchObject({
    status: 429,
    code: 'too_many_at_once',
  });
  expect(second.run).not.toHaveBeenCalled();
  const three = turns.run('b', other.run);
  expect(other.run).toHaveBeenCalled();
  first.finish('first');
  expect(await one).toBe('first');
  second.finish('second');
  expect(await two).toBe('second');
  other.finish('other');
  expect(await three).toBe('other');
});

test('work that fails gives its place back', async () => {
  const turns = new InFlight(1, 0);
  await expect(turns.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.run('a', () => Promise.resolve('yes'))).toBe('yes');
});

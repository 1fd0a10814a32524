import { remembered } from './bounded-cache.js';

/** What was made, in order. */
function counted(size: number): { made: string[]; ask: (text: string) => string } {
  const made: string[] = [];
  const ask = remembered(size, (text) => {
    made.push(text);
    return '';
  });
  return { made, ask };
}

test('makes the same only once, also where the result is empty', () => {
  const { made, ask } = counted(2);
  for (const text of ['a', 'b', 'a', 'b', '', '']) ask(text);
  expect(made).toEqual(['a', 'b', '']);
});

test('keeps what is asked for often and forgets the rest', () => {
  const { made, ask } = counted(10);
  for (let n = 0; n < 1000; n += 1) {
    ask(`${n}`);
    ask('often');
  }
  expect(made.filter((text) => text === 'often')).toHaveLength(1);
  ask('0');
  expect(made.filter((text) => text === '0')).toHaveLength(2);
});

test('does not keep long texts', () => {
  const { made, ask } = counted(10);
  ask('a'.repeat(600));
  ask('a'.repeat(600));
  expect(made).toHaveLength(2);
});

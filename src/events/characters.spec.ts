import { isBlank } from './characters.js';

test('letters that show nothing are blank', () => {
  const unseen = [
    '',
    ' ',
    '\t',
    '\u0000',
    '\u200b',
    '\u3164',
    '\u2800',
    '\u115f',
    '\uffa0',
    '\u034f',
    '\u17b4',
    '\ufe0f',
  ];
  expect(unseen.filter((text) => !isBlank(text))).toEqual([]);
  expect(['a', '가', '\u17b4x', '⠁', '❤\ufe0f'].filter(isBlank)).toEqual([]);
});

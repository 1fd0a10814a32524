import { growthOf, LINEAR } from '../../test/plain/growth.js';
import { csvCell } from './csv-cell.js';

describe('a cell of a CSV file', () => {
  test.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(1)', "'@SUM(1)"],
    ['a;=1+1', "a;'=1+1"],
    ['a; =1+1', "a;' =1+1"],
    ['a;b;@x;-1', "a;b;'@x;'-1"],
    ['x\n=cmd', "x\n'=cmd"],
    ['x\r=cmd', "x\r'=cmd"],
    ['x\r\n=cmd', "x\r\n'=cmd"],
    ['x\t=cmd', "x\t'=cmd"],
    ['\t=1', "'\t'=1"],
    ['\t\t=1', "'\t\t'=1"],
    ['\tx', "'\tx"],
    ['\n=1', "'\n'=1"],
    ['  =1', "'  =1"],
    ['\u00A0=1', "'\u00A0=1"],
    ['\uFEFF=1', "'\uFEFF=1"],
    ['\u200B\u0000=1', "'\u200B\u0000=1"],
    ['"=1', `'"=1`],
    ['a;"=1', `a;'"=1`],
    ['a\u2028=1', "a\u2028'=1"],
    ['\uFF1D1+1', "'\uFF1D1+1"],
    ['a;\uFF0B1', "a;'\uFF0B1"],
    ['\uFF0D1', "'\uFF0D1"],
    ['\uFF20x', "'\uFF20x"],
    ['\u22121', "'\u22121"],
  ])('%j is text', (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });

  test.each([
    '',
    'plain',
    'a=1',
    'a; b',
    'https://shop.example/?a=1&b=-2',
    '2026-11-30T12:00:00.000Z',
    '{"a":"b=1"}',
    "'=1",
  ])('%j stays as it is', (text) => {
    expect(csvCell(text)).toBe(text);
  });

  test('takes no time on long runs of what may be dropped', () => {
    for (const part of ['"', '; ', ' ', ';']) {
      const growth = growthOf((length) => void csvCell(part.repeat(length / part.length)), 32_768, 10);
      expect(growth).toBeLessThan(LINEAR);
    }
  });
});

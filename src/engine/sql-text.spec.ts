import { assertOneStatement, parseInsert, splitFormat } from './sql-text.js';

test('the FORMAT clause that a client writes at the end is taken off', () => {
  expect(splitFormat('SELECT 1 AS format\nFORMAT JSONCompact')).toEqual({
    sql: 'SELECT 1 AS format',
    format: 'JSONCompact',
  });
  expect(splitFormat('SELECT 1;')).toEqual({ sql: 'SELECT 1;', format: 'TabSeparated' });
});

test.each([
  ['INSERT INTO events FORMAT JSONEachRow', { table: 'events', format: 'JSONEachRow' }],
  ['insert into t.`e` (a, `b`) format TSV', { table: 't.e', columns: ['a', 'b'], format: 'TSV' }],
])('%s', (text, expected) => {
  expect(parseInsert(text)).toEqual(expected);
});

test.each([
  'INSERT INTO t SELECT 1',
  'INSERT INTO t (a) VALUES (1)',
  'INSERT INTO FUNCTION file(1) FORMAT TSV',
  'SELECT 1',
])('%s is no insert of rows that follow', (text) => {
  expect(parseInsert(text)).toBeUndefined();
});

test.each([
  "SELECT ';', \"--\", `#` FROM t WHERE a = 'it''s; \\' --'",
  'SELECT a - -1',
  "SELECT ''",
  "SELECT '''' || ''",
])('%s is one statement', (sql) => {
  expect(() => assertOneStatement(sql)).not.toThrow();
});

test.each([
  'SELECT 1; DROP TABLE t',
  'SELECT 1 -- x',
  'SELECT /* */ 1',
  'SELECT 1 # x',
  "SELECT 'a; DROP",
  'SELECT $$;$$',
  "SELECT '\\'; DROP TABLE t",
])('%s is refused', (sql) => {
  expect(() => assertOneStatement(sql)).toThrow(/quote|holds no/);
});

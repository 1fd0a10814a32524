import { AppError } from '../common/app-error.js';
import { BODY_MAX_DEPTH, BODY_MAX_NAMES, BODY_MAX_VALUES } from '../events/limits.js';
import { BodyScan } from './body-scan.js';

/** Scans a text in pieces of so many bytes. */
function scanned(text: string, piece = 1 << 20): BodyScan {
  const scan = new BodyScan({ keyFields: ['apiKey', 'api_key'], eventsField: 'events' });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += piece) scan.push(bytes.subarray(at, at + piece));
  return scan;
}

function fault(text: string): [field: string, message: string] {
  try {
    scanned(text);
  } catch (error) {
    const [{ field, message }] = (error as AppError).errors as [{ field: string; message: string }];
    return [field, message];
  }
  throw new Error('Nothing was found wrong');
}

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const members = (count: number, name = 'n'): string =>
  `{${Array.from({ length: count }, (_none, i) => `"${name}${i}":1`).join()}}`;

describe('the API key in a body', () => {
  test.each([
    ['first', '{"apiKey":"k","event":"x"}', 'k'],
    ['last', '{"event":"x","metadata":{"a":[1,{}]},"apiKey":"k"}', 'k'],
    ['between spaces', ' { "apiKey" : "k" , "event" : "x" } ', 'k'],
    ['in snake_case', '{"api_key":"k"}', 'k'],
    ['under both names: apiKey counts', '{"api_key":"a","apiKey":"b"}', 'b'],
    ['twice: the last counts', '{"apiKey":"a","apiKey":"b"}', 'b'],
    ['not a text, then the other name', '{"apiKey":5,"api_key":"k"}', 'k'],
    ['broken over lines', '{"apiKey":"k\\n 1"}', 'k\n 1'],
    ['with an escaped name', '{"api\\u004bey":"k"}', 'k'],
    ['behind text that looks like it', '{"event":"\\"apiKey\\":\\"no\\"","apiKey":"k"}', 'k'],
    ['behind a backslash at the end of a text', '{"event":"\\\\","apiKey":"k"}', 'k'],
    ['behind a byte order mark', '\ufeff{"apiKey":"k"}', 'k'],
    ['inside an event', '{"events":[{"apiKey":"k"}]}', undefined],
    ['inside metadata', '{"metadata":{"apiKey":"k"}}', undefined],
    ['as a value', '{"event":"apiKey","url":"k"}', undefined],
    ['in a list', '["apiKey","k"]', undefined],
    ['as a list', '{"apiKey":["k"]}', undefined],
    ['as null, after a text', '{"event":"x","apiKey":null}', undefined],
    ['overlong', `{"apiKey":"${'k'.repeat(20_000)}"}`, undefined],
    ['blank', '{"apiKey":" "}', undefined],
  ])('%s', (_what, text, key) => {
    expect(scanned(text).key).toBe(key);
    expect(scanned(text, 1).key).toBe(key);
    expect(scanned(text, 7).key).toBe(key);
  });
});

describe('what would hold up the event loop', () => {
  test('is counted as JSON has it, not as text looks', () => {
    expect(scanned(`{"event":"${'{['.repeat(1000)}","url":"${',:'.repeat(200_000)}"}`).names).toBe(2);
    expect(scanned(nested(BODY_MAX_DEPTH)).names).toBe(1);
    expect(scanned(members(1900)).names).toBeGreaterThan(1800);
  });

  test('names the field and what is wrong with it', () => {
    expect(fault(`{"event":"x","metadata":${nested(BODY_MAX_DEPTH)}}`)).toEqual([
      'metadata',
      `is nested deeper than ${BODY_MAX_DEPTH} levels`,
    ]);
    expect(fault(`{"events":[{},{"metadata":${nested(BODY_MAX_DEPTH)}}]}`)[0]).toBe('events[1]');
    expect(fault('['.repeat(100))[0]).toBe('body');
    const many = `holds more than ${BODY_MAX_NAMES} different names`;
    expect(fault(`{"metadata":${members(3000)}}`)).toEqual(['metadata', many]);
    expect(fault(members(3000))).toEqual(['body', many]);
    expect(fault(`{"events":[${Array.from({ length: 100 }, (_none, i) => members(30, `e${i}n`)).join()}]}`)[1]).toBe(
      many,
    );
    for (const value of ['1', '[]', '{}', '""']) {
      const text = `{"events":[${Array.from({ length: BODY_MAX_VALUES + 1 }, () => value).join()}]}`;
      expect(fault(text)[1]).toBe(`holds more than ${BODY_MAX_VALUES} values`);
    }
  });

  test('a batch of 1,000 events with 20 fields and 40 members of metadata passes', () => {
    const metadata = Object.fromEntries(Array.from({ length: 40 }, (_none, i) => [`name${i}`, i]));
    const event = { ...Object.fromEntries(Array.from({ length: 20 }, (_none, i) => [`field${i}`, i])), metadata };
    expect(scanned(JSON.stringify({ events: Array.from({ length: 1000 }, () => event) })).names).toBeGreaterThan(55);
  });
});

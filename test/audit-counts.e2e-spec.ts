import { encodeEnvelope } from '../src/events/envelope.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent, APP } from './support/events.js';
import { ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';

const OTHER_APP = APP.replace(/^.{4}/, 'bbbb');

/** Two apps, odd names, every kind of user, equal times. */
function stream(from: number, to: number): AcceptedEvent[] {
  const start = Date.UTC(2026, 9, 1, 23, 50);
  return Array.from({ length: to - from }, (_none, at) => {
    const i = from + at;
    return acceptedEvent({
      appId: i % 3 ? APP : OTHER_APP,
      eventId: `audited-${i}`,
      event: ['view', 'View', 'straße', '日本'][i % 4]!,
      occurredAt: start + ((i * 7919) % 400) * 600_000,
      userKind: (['user', 'anonymous', 'visitor'] as const)[i % 3],
      userValue: `persön ${i % 41}`,
      device: (['mobile', 'desktop'] as const)[i % 2],
      browser: i % 5 ? 'Chrome' : undefined,
      ip: i % 7 ? '192.0.2.1' : undefined,
    });
  });
}

describe('audit:counts', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, env: { CHUNK_MAX_EVENTS: '100' } });
    await stack.ownApps(APP, OTHER_APP);
    await stack.push(0, ...stream(0, 1500).map(encodeEnvelope));
    await stack.push(1, ...stream(0, 300).map(encodeEnvelope));
    await stack.drained();
  });
  afterAll(() => stack?.stop());

  const audit = async (): Promise<{ code: number | NodeJS.Signals; lines: string[] }> => {
    const command = ServerProcess.start('audit-counts', stack.variables);
    const code = await command.ended();
    return { code, lines: command.text.trim().split('\n') };
  };

  test('finds no difference in what workers have counted', async () => {
    expect(await audit()).toEqual({ code: 0, lines: ['0 differences'] });
  });

  test('finds none either while a worker is writing', async () => {
    for (let list = 0; list < 4; list += 1) {
      await stack.push(list, ...stream(1500 + list * 1000, 2500 + list * 1000).map(encodeEnvelope));
    }
    expect(await audit()).toEqual({ code: 0, lines: ['0 differences'] });
    await stack.drained();
    expect(await audit()).toEqual({ code: 0, lines: ['0 differences'] });
  });

  const columns = 'app_id, user_key, user_kind, user_value, total_events, first_seen, last_seen, last_id, device';
  test.each([
    ['a wrong sum', 'event_summary', "UPDATE event_summary SET n = n + 1 WHERE event = '' LIMIT 1", 'all events'],
    ['a missing sum', 'event_summary', "DELETE FROM event_summary WHERE event = 'View' LIMIT 1", 'stored 0'],
    [
      'a surplus sum',
      'event_summary',
      `INSERT INTO event_summary SELECT app_id, 'ghost', quarter, device, 7 FROM event_summary LIMIT 1`,
      'recounted 0, stored 7',
    ],
    [
      'archived users of a day on which nothing was counted',
      'archived_users',
      `INSERT INTO archived_users SELECT app_id, quarter DIV 96 + 999, event, REPEAT(X'aa', 16), 1, 0 FROM event_summary
        WHERE event = 'View' LIMIT 1`,
      'event "View", 2029-',
    ],
    ['a wrong total', 'user_analytics', 'UPDATE user_analytics SET total_events = 9999 LIMIT 1', 'stored 9999'],
    ['a wrong device', 'user_analytics', "UPDATE user_analytics SET browser = 'Lynx' LIMIT 1", 'stored Lynx'],
    ['a missing person', 'user_analytics', 'DELETE FROM user_analytics LIMIT 1', 'missing'],
    [
      'a surplus person',
      'user_analytics',
      `INSERT INTO user_analytics (${columns}) SELECT app_id, UNHEX(LEFT(SHA2(CONCAT('user', X'00', 'ghost'), 256), 32)),
        'user', 'ghost', 3, first_seen, last_seen, last_id, device FROM user_analytics LIMIT 1`,
      'recounted 0 events, stored 3',
    ],
    [
      'a person under a wrong name',
      'user_analytics',
      "UPDATE user_analytics SET user_value = 'mallory' LIMIT 1",
      'the key is not that of its kind',
    ],
    [
      'a ledger that does not balance',
      'ingest_batches',
      'UPDATE ingest_batches SET inserted = inserted + 1 LIMIT 1',
      'received',
    ],
  ])('%s is named, and exits 1', async (_what, table, fault, said) => {
    const copies = ['event_summary', 'archived_users', 'user_analytics', 'ingest_batches'];
    for (const name of copies) await stack.query(`CREATE TABLE kept_${name} AS SELECT * FROM ${name}`);
    await stack.query(fault);
    const { code, lines } = await audit();
    expect(code).toBe(1);
    const differences = lines.slice(0, -1);
    expect(differences.some((line) => line.startsWith(`${table}: `) && line.includes(said))).toBe(true);
    expect(differences.filter((line) => line.startsWith(table))).toHaveLength(1);
    // What was added to the archive by hand is not copied.
    expect(differences).toHaveLength(table === 'archived_users' ? 2 : 1);
    expect(lines.at(-1)).toBe(`${differences.length} difference${differences.length === 1 ? '' : 's'}`);
    for (const name of copies) {
      await stack.query(`DELETE FROM ${name}`);
      await stack.query(`INSERT INTO ${name} SELECT * FROM kept_${name}`);
      await stack.query(`DROP TABLE kept_${name}`);
    }
  });

  test('an event that is gone shows in every rollup', async () => {
    await stack.query('DELETE FROM events LIMIT 1');
    const { code, lines } = await audit();
    expect(code).toBe(1);
    const tables = new Set(lines.slice(0, -1).map((line) => line.split(':')[0]));
    expect(tables).toContain('event_summary');
    expect(tables).toContain('user_analytics');
    expect(lines.at(-1)).toBe(`${lines.length - 1} differences`);
  });
});

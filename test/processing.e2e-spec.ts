import { encodeEnvelope } from '../src/events/envelope.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent, APP } from './support/events.js';
import { countNaively, storedCounts } from './support/naive-counts.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const HOUR = 3_600_000;
const DEVICES = ['mobile', 'tablet', 'desktop', 'bot', 'other'] as const;

/** Events over some days, names, users and devices; the same every time. */
function stream(length: number): AcceptedEvent[] {
  const start = Date.UTC(2026, 9, 1);
  return Array.from({ length }, (_none, i) =>
    acceptedEvent({
      eventId: `stream-${i}`,
      event: `event ${i % 7}`,
      occurredAt: start + ((i * 7919) % 120) * HOUR + i * 13,
      userKind: i % 3 === 0 ? 'visitor' : 'user',
      userValue: `person ${(i * 31) % 97}`,
      device: DEVICES[i % 5]!,
      browser: i % 2 === 0 ? 'Chrome' : undefined,
    }),
  );
}

describe('processing', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 2, env: { CLAIM_LEASE_MS: '1000', CHUNK_MAX_EVENTS: '150' } });
  });
  afterAll(() => stack?.stop());

  const ledger = () =>
    stack.query<Record<string, string>>(
      `SELECT SUM(received) AS received, SUM(inserted) AS inserted, SUM(duplicated) AS duplicated, SUM(dead) AS dead,
        SUM(received <> inserted + duplicated + dead + erased) AS unbalanced FROM ingest_batches`,
    );

  test('counts every event once, in events and in every rollup, however often it came and whoever drained it', async () => {
    const events = stream(3000);
    const repeated = events.filter((_event, i) => i % 4 === 0);
    const entries = [...events, ...repeated].map(encodeEnvelope);
    for (let from = 0; from < entries.length; from += 250) {
      await stack.push((from / 250) % 4, ...entries.slice(from, from + 250));
    }
    await stack.drained();
    expect(await storedCounts(stack)).toEqual(countNaively(events));
    expect(await ledger()).toEqual([
      { received: '3750', inserted: '3000', duplicated: '750', dead: '0', unbalanced: '0' },
    ]);
  });

  test('a worker killed in the middle loses nothing and counts nothing twice', async () => {
    const before = await storedCounts(stack);
    const events = stream(6000).slice(3000);
    for (let list = 0; list < 4; list += 1) {
      await stack.push(list, ...events.filter((_event, i) => i % 4 === list).map(encodeEnvelope));
    }
    const [victim] = stack.workers;
    await until(async () => {
      const [row] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events');
      return Number(row!.n) > 3000;
    }, 'the drain to begin');
    await victim!.stop('SIGKILL');
    await stack.drained();
    expect(before).not.toEqual(await storedCounts(stack));
    expect(await storedCounts(stack)).toEqual(countNaively(stream(6000)));
    await stack.startWorker();
  });

  test('a bad row goes to the dead letters with its reason; its neighbours are stored and counted', async () => {
    const good = stream(20).map((event) => ({ ...event, appId: APP.replace(/^.{4}/, 'aaaa') }));
    // A session id longer than its column: collect would not let it pass.
    const bad = { ...good[10]!, id: good[10]!.id.replace(/^.{12}/, '019000000000'), sessionId: 'x'.repeat(600) };
    await stack.push(0, ...[...good.slice(0, 10), bad, ...good.slice(10)].map(encodeEnvelope), encodeEnvelope(bad));
    await stack.drained();
    const [stored] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events WHERE app_id = UNHEX(?)', [
      good[0]!.appId,
    ]);
    expect(Number(stored!.n)).toBe(20);
    const dead = await stack.query<{ code: string; reason: Buffer; id: string }>(
      'SELECT code, reason, LOWER(HEX(stored_id)) AS id FROM dead_letters WHERE app_id = UNHEX(?)',
      [good[0]!.appId],
    );
    expect(dead).toHaveLength(1);
    expect(dead[0]).toMatchObject({ code: 'unstorable', id: bad.id });
    expect(dead[0]!.reason.toString()).toContain("Data too long for column 'session_id'");
  });

  test('the same id with another payload is a dead letter id_conflict, and the first one counts', async () => {
    const appId = APP.replace(/^.{4}/, 'bbbb');
    const first = acceptedEvent({ appId, eventId: 'one', occurredAt: Date.UTC(2026, 9, 2), url: 'https://a.example' });
    const second = { ...first, url: 'https://b.example', payloadHash: 'ffffffffffffffff' };
    await stack.push(1, encodeEnvelope(first), encodeEnvelope(second), encodeEnvelope(first));
    await stack.drained();
    await stack.push(2, encodeEnvelope(second));
    await stack.drained();
    const [stored] = await stack.query<{ url: string }>('SELECT url FROM events WHERE app_id = UNHEX(?)', [appId]);
    expect(stored!.url).toBe('https://a.example');
    const dead = await stack.query('SELECT code FROM dead_letters WHERE app_id = UNHEX(?)', [appId]);
    expect(dead).toEqual([{ code: 'id_conflict' }]);
    const own = (lines: string[]) => lines.filter((line) => line.startsWith(appId));
    expect(own((await storedCounts(stack)).summary)).toEqual(countNaively([first]).summary);
  });

  test('entries that are no envelope, or of a version to come, are parked and named', async () => {
    const future = JSON.stringify({ ...JSON.parse(encodeEnvelope(acceptedEvent())), v: 99 });
    await stack.push(3, 'not JSON', future, encodeEnvelope(acceptedEvent({ event: 'after the poison' })));
    await stack.drained();
    const dead = await stack.query<{ code: string }>("SELECT code FROM dead_letters WHERE code LIKE 'envelope%'");
    expect(dead.map((row) => row.code).sort()).toEqual(['envelope_malformed', 'envelope_version']);
    const [after] = await stack.query<{ n: string }>(
      "SELECT COUNT(*) AS n FROM events WHERE event = 'after the poison'",
    );
    expect(Number(after!.n)).toBe(1);
  });

  test('the same names in other letters, with spaces or accents, are different names and users', async () => {
    const appId = APP.replace(/^.{4}/, 'cccc');
    const names = ['user1', 'User1', 'user1 ', 'usér1', 'user1\u0301', 'straße', 'strasse'];
    const events = names.map((name) => acceptedEvent({ appId, eventId: name, event: name, userValue: name }));
    await stack.push(0, ...events.map(encodeEnvelope));
    await stack.drained();
    const [counts] = await stack.query(
      `SELECT (SELECT COUNT(*) FROM user_analytics WHERE app_id = UNHEX(?)) AS people,
        (SELECT COUNT(DISTINCT event) FROM event_summary WHERE app_id = UNHEX(?)) AS names`,
      [appId, appId],
    );
    expect(counts).toEqual({ people: '7', names: '8' });
  });

  test('the months to come have their partitions, and the last one is empty', async () => {
    const rows = await stack.query<{ name: string; rows: string }>(
      `SELECT partition_name AS name FROM information_schema.partitions
      WHERE table_schema = DATABASE() AND table_name = 'events' ORDER BY partition_ordinal_position`,
    );
    const names = rows.map((row) => row.name);
    const now = new Date();
    const inThreeMonths = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 3, 1));
    expect(names).toContain(`p_${inThreeMonths.toISOString().slice(0, 7).replace('-', '_')}`);
    expect(names.at(-1)).toBe('p_rest');
    const [rest] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events PARTITION (p_rest)');
    expect(Number(rest!.n)).toBe(0);
  });

  test('a worker that is told to stop ends between chunks and gives the rest back', async () => {
    const events = stream(9000).slice(6000);
    await stack.push(0, ...events.map(encodeEnvelope));
    const [, second, third] = stack.workers;
    expect(await Promise.all([second!.stop(), third!.stop()])).toEqual([0, 0]);
    await stack.startWorker();
    await stack.drained();
    const [row] = await stack.query<{ n: string }>("SELECT COUNT(*) AS n FROM events WHERE event_id LIKE 'stream-%'");
    expect(Number(row!.n)).toBe(9000 + 20);
  });
});

import type { AcceptedEvent } from '../src/events/event.js';
import { encodeEnvelope } from '../src/events/envelope.js';
import { userKeysOf } from '../src/events/person.js';
import { call, registerApp, type Signed, signIn } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { ReadModel } from './support/read-model.js';
import { ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const DAY = 86_400_000;
const HOUR = DAY / 24;
/** Now, on the hour. */
const NOW = Math.floor(Date.now() / HOUR) * HOUR;
const DAYS = 400;
const KEPT = 90;
const ZONES = ['UTC', 'Asia/Kathmandu', 'America/St_Johns'];

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Two events a day by some of nine people. */
function eventsOf(appId: string): AcceptedEvent[] {
  return Array.from({ length: 2 * DAYS }, (_none, i) =>
    acceptedEvent({
      ...{ appId, eventId: `event ${i}`, event: ['view', 'buy', 'Grüße'][i % 3]! },
      ...{ userValue: `person ${(i * 7) % 9}`, device: (['mobile', 'desktop'] as const)[i % 2]! },
      occurredAt: NOW - Math.floor(i / 2) * DAY - ((i * 5) % 24) * HOUR - 15 * 60_000,
    }),
  );
}

describe('distinct users of expired days', () => {
  let stack: Stack;
  let readModel: ReadModel;
  let ann: Signed;
  let app: { id: string };
  let before: unknown[];

  beforeAll(async () => {
    stack = await startStack({ env: { RETENTION_INTERVAL_MS: '300', COPY_RETENTION_INTERVAL_MS: '300' } });
    readModel = new ReadModel(stack);
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    await stack.push(0, ...eventsOf(hex()).map(encodeEnvelope));
    await stack.drained();
  });
  afterAll(async () => {
    await readModel?.close();
    await stack?.stop();
  });

  const hex = (): string => app.id.replaceAll('-', '');
  const get = async (path: string, query: Record<string, string>) => {
    const search = new URLSearchParams(query);
    const { status, body } = await call(`${stack.url}/api/analytics/${path}?${search}`, { token: ann.accessToken });
    expect({ path, status, body }).toMatchObject({ status: 200 });
    // When it was asked.
    return { ...body, asOf: undefined };
  };
  /** Whole and partial ranges: of expired days, of kept ones, and across the bound. */
  const answers = async (): Promise<unknown[]> => {
    const found: unknown[] = [];
    for (const timezone of ZONES) {
      for (const [from, to] of [
        [DAYS + 1, 0],
        [300, 120],
        [95, 85],
        [100, 100],
        [30, 0],
      ] as const) {
        const range = { timezone, startDate: dayOf(NOW - from * DAY), endDate: dayOf(NOW - to * DAY) };
        found.push(await get('event-summary', range));
        found.push(await get('event-summary', { ...range, event: 'Grüße', app_id: app.id }));
        found.push(await get('breakdown', { ...range, by: 'event' }));
        found.push(await get('series', { ...range, interval: 'month', event: 'view', compare: 'previous' }));
      }
      const hours = { startDate: `${dayOf(NOW - 200 * DAY)}T03:30Z`, endDate: `${dayOf(NOW - 199 * DAY)}T21:15Z` };
      found.push(await get('event-summary', { timezone, ...hours }));
      found.push(await get('series', { timezone, ...hours, interval: 'hour' }));
    }
    found.push(await get('event-summary', {}));
    return found;
  };
  const count = async (table: string): Promise<number> => {
    const [row] = await stack.query<{ n: string }>(`SELECT COUNT(*) AS n FROM ${table} WHERE app_id = ?`, [
      Buffer.from(hex(), 'hex'),
    ]);
    return Number(row!.n);
  };
  const copied = async (sql: string): Promise<number> => {
    const answer = await readModel.client.query({ query: sql, format: 'JSONEachRow' });
    const [row] = await answer.json<{ n: string | number }>();
    return Number(row!.n);
  };
  const audit = async (): Promise<string> => {
    const command = ServerProcess.start('audit-counts', stack.variables);
    await command.ended();
    return command.text;
  };

  test('400 days of which 90 are kept answer the same before and after', async () => {
    before = await answers();
    await call(`${stack.url}/api/apps/${app.id}`, {
      method: 'PATCH',
      token: ann.accessToken,
      body: { retentionDays: KEPT },
    });
    // From the first moment on, and while the copies of events are being deleted.
    do expect(await answers()).toEqual(before);
    while ((await count('events')) > 2 * KEPT + 2 || (await readModel.count()) > (await count('events')));
    expect(await count('events')).toBeGreaterThan(2 * KEPT - 2);
    await stack.drained();
    expect(await answers()).toEqual(before);
    expect(await audit()).toContain('0 differences');
  });

  test('a rebuild fills the copy of the archive too, also where it was lost', async () => {
    for (const worker of stack.workers.splice(0)) await worker.stop();
    await readModel.client.command({ query: 'TRUNCATE TABLE archived_users' });
    expect(await audit()).toMatch(/archived users of app .*: \d+ in MySQL, 0 in ClickHouse/);
    await stack.query('UPDATE read_model SET rebuild_ordered = 1');
    await stack.startWorker();
    const rebuilt = `SELECT 1 FROM read_model WHERE rebuild_ordered = 0 AND rebuild_stage = 0
      AND NOT EXISTS (SELECT 1 FROM archive_outbox)`;
    await until(async () => (await stack.query(rebuilt)).length > 0, 'the rebuild to end');
    expect(await answers()).toEqual(before);
    expect(await audit()).toContain('0 differences');
  });

  test('what is in the copy alone goes, as after a backup was restored', async () => {
    await readModel.client.command({
      query: `INSERT INTO archived_users SELECT app_id, day, event, user_key + 1, quarters0, quarters1 FROM archived_users LIMIT 5`,
    });
    await until(async () => (await audit()).includes('0 differences'), 'the surplus to go');
    await stack.drained();
    expect(await answers()).toEqual(before);
  });

  test('an erased person is in neither archive', async () => {
    const person = 'person 3';
    const key = BigInt(`0x${userKeysOf(person)[0]!}`);
    const there = `SELECT count() AS n FROM archived_users WHERE user_key = toUInt128('${key}')`;
    expect(await copied(there)).toBeGreaterThan(0);
    const { body } = await call(`${stack.url}/api/apps/${app.id}/users/${encodeURIComponent(person)}`, {
      method: 'DELETE',
      token: ann.accessToken,
    });
    await until(async () => {
      const { body: erasure } = await call(`${stack.url}/api/erasures/${body.erasureId}`, { token: ann.accessToken });
      return erasure.stage === 'done';
    }, 'the person to be erased');
    expect(await copied(there)).toBe(0);
    const stored = 'SELECT 1 FROM archived_users WHERE user_key = ?';
    expect(await stack.query(stored, [Buffer.from(userKeysOf(person)[0]!, 'hex')])).toEqual([]);
    expect(await get('event-summary', {})).toMatchObject({ uniqueUsers: 8 });
    expect(await audit()).toContain('0 differences');
  });

  test('dropped with the counts: no user is left but of the day in which the bound lies', async () => {
    await call(`${stack.url}/api/apps/${app.id}`, {
      method: 'PATCH',
      token: ann.accessToken,
      body: { retentionRollups: 'drop' },
    });
    const days = 'SELECT DISTINCT day FROM archived_users';
    await until(async () => (await stack.query(days)).length <= 1, 'the archive to be dropped');
    await until(async () => (await copied('SELECT uniqExact(day) AS n FROM archived_users')) <= 1, 'the copy too');
    expect(await audit()).toContain('0 differences');
  });
});

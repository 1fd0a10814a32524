import { createDataSource } from '../../src/database/data-source.js';
import { encodeEnvelope } from '../../src/events/envelope.js';
import { userKeysOf } from '../../src/events/person.js';
import { formatUuid, storedIdTime } from '../../src/events/event-id.js';
import type { AcceptedEvent } from '../../src/events/event.js';
import { call, registerApp, signIn, type Signed } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { ReadModel } from '../support/read-model.js';
import { ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const DAY = 86_400_000;
const NOW = Date.now();

describe('retention', () => {
  let stack: Stack;
  let readModel: ReadModel;
  let ann: Signed;
  const apps: Record<'keeping' | 'dropping' | 'forever', { id: string; apiKey: string }> = {} as never;
  beforeAll(async () => {
    stack = await startStack({
      env: { RETENTION_INTERVAL_MS: '300', COPY_RETENTION_INTERVAL_MS: '300', LOCK_WAIT_TIMEOUT_S: '1' },
    });
    readModel = new ReadModel(stack);
    ann = await signIn(stack.url);
    for (const name of ['keeping', 'dropping', 'forever'] as const) apps[name] = await registerApp(stack.url, ann);
  });
  afterAll(async () => {
    await readModel?.close();
    await stack?.stop();
  });

  const hex = (app: { id: string }) => app.id.replaceAll('-', '');
  const change = (app: { id: string }, body: object) =>
    call(`${stack.url}/api/apps/${app.id}`, { method: 'PATCH', token: ann.accessToken, body });
  const events = async (app: { id: string }): Promise<number> => {
    const [row] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events WHERE app_id = ?', [
      Buffer.from(hex(app), 'hex'),
    ]);
    return Number(row!.n);
  };
  const summed = async (app: { id: string }, event = ''): Promise<number> => {
    const path = `event-summary?app_id=${app.id}${event && `&event=${event}`}`;
    return (await call(`${stack.url}/api/analytics/${path}`, { token: ann.accessToken })).body.count as number;
  };
  const of = (app: { id: string }): AcceptedEvent[] =>
    Array.from({ length: 60 }, (_none, i) =>
      acceptedEvent({
        appId: hex(app),
        eventId: `day ${i}`,
        event: `event ${i % 2}`,
        occurredAt: NOW - i * DAY - 3_600_000,
        userValue: `person ${i % 4}`,
      }),
    );
  /** What has expired is gone from the copy too, and nothing else. */
  const sameCopy = async (): Promise<void> => {
    await readModel.caughtUp();
    const ids = (rows: { appId: string; id: string }[]): string => rows.map(({ appId, id }) => appId + id).join();
    await until(async () => ids(await readModel.rows()) === ids(await readModel.expected()), 'the copy to expire');
    expect(await readModel.rows()).toEqual(await readModel.expected());
  };
  const audit = async (): Promise<string> => {
    const command = ServerProcess.start('audit-counts', stack.variables);
    await command.ended();
    return command.text;
  };
  const partitions = async (): Promise<string[]> =>
    (
      await stack.query<{ name: string }>(
        `SELECT partition_name AS name FROM information_schema.partitions
         WHERE table_schema = DATABASE() AND table_name = 'events' ORDER BY partition_ordinal_position`,
      )
    ).map((row) => row.name);

  test('contract §3: deletes what is older than the app keeps, and keeps or drops the counts as its owner chose', async () => {
    const all = Object.fromEntries(Object.entries(apps).map(([name, app]) => [name, of(app)]));
    await stack.push(0, ...Object.values(all).flat().map(encodeEnvelope));
    await stack.drained();
    expect((await change(apps.keeping, { retentionDays: 30 })).status).toBe(200);
    const changed = await change(apps.dropping, { retentionDays: 10, retentionRollups: 'drop' });
    expect(changed.body).toMatchObject({ retentionDays: 10, retentionRollups: 'drop' });
    await until(async () => (await events(apps.keeping)) === 30, 'events to expire');
    await until(async () => (await events(apps.dropping)) === 10, 'events to expire');
    expect(await summed(apps.keeping)).toBe(60);
    // The cell in which the bound lies stays.
    await until(async () => (await summed(apps.dropping)) <= 11, 'counts to expire');
    expect([await events(apps.forever), await summed(apps.forever)]).toEqual([60, 60]);
    await sameCopy();
    const forever = countNaively(all.forever!);
    const stored = await storedCounts(stack);
    for (const part of ['summary', 'people'] as const) {
      expect(stored[part].filter((line) => line.startsWith(hex(apps.forever)))).toEqual(forever[part]);
    }
    const person = await call(`${stack.url}/api/analytics/user-stats?userId=person%201&app_id=${apps.dropping.id}`, {
      token: ann.accessToken,
    });
    await until(async () => {
      const { body } = await call(
        `${stack.url}/api/analytics/user-stats?userId=person%201&app_id=${apps.dropping.id}`,
        { token: ann.accessToken },
      );
      return body.totalEvents === all.dropping!.slice(0, 10).filter((e) => e.userValue === 'person 1').length;
    }, 'a person to keep what remains');
    expect(person.status).toBe(200);
  });

  test('the audit finds no difference, and says which older cells it cannot check', async () => {
    const text = await audit();
    expect(text).toContain('0 differences');
    for (const app of [apps.keeping, apps.dropping]) expect(text).toContain(`app ${app.id}: retention has deleted`);
    expect(text).not.toContain(`app ${apps.forever.id}`);
    await stack.query('UPDATE event_summary SET n = n + 1 WHERE app_id = ? ORDER BY quarter DESC LIMIT 1', [
      Buffer.from(hex(apps.keeping), 'hex'),
    ]);
    expect(await audit()).toContain('\n1 difference');
    await stack.query('UPDATE event_summary SET n = n - 1 WHERE app_id = ? ORDER BY quarter DESC LIMIT 1', [
      Buffer.from(hex(apps.keeping), 'hex'),
    ]);
  });

  test('a late resend cannot count again: 400 too_old at collect, a dead letter too_old in the worker', async () => {
    const old = new Date(NOW - 40 * DAY).toISOString();
    const post = (body: object) => call(`${stack.url}/collect`, { key: apps.keeping.apiKey, body });
    expect((await post({ event: 'late', timestamp: old })).body).toMatchObject({ status: 400, code: 'too_old' });
    // Longer from now on: what was deleted before must still not come back.
    await change(apps.keeping, { retentionDays: 300 });
    await until(
      async () => (await post({ event: 'late', timestamp: old })).body.errors?.[0].message.includes('still keeps'),
      'every process to know',
    );
    const resent = of(apps.keeping)[45]!;
    expect(storedIdTime(resent.id)).toBeLessThan(NOW - 30 * DAY);
    await stack.push(0, encodeEnvelope(resent));
    await stack.drained();
    const path = `${stack.url}/api/apps/${apps.keeping.id}/dead-letters`;
    const letters = (await call(path, { token: ann.accessToken })).body.data;
    expect(letters).toMatchObject([{ code: 'too_old', storedId: formatUuid(resent.id) }]);
    expect((await call(`${path}/replay`, { token: ann.accessToken, body: {} })).body).toEqual({ replayed: 0 });
    expect([await events(apps.keeping), await summed(apps.keeping)]).toEqual([30, 60]);
  });

  test('a month goes as a whole once no app keeps any of it, and not before', async () => {
    const before = await partitions();
    const gone = month(NOW - 70 * DAY);
    expect(before).toContain(gone);
    await change(apps.forever, { retentionDays: 1 });
    await until(async () => (await events(apps.forever)) === 1, 'events to expire');
    await change(apps.keeping, { retentionDays: 5 });
    await until(async () => (await partitions())[1] === month(NOW - 10 * DAY), 'the months to go');
    const after = await partitions();
    expect([after[0], after.at(-1), after.includes(month(NOW))]).toEqual([before[0], 'p_rest', true]);
    await until(async () => (await events(apps.keeping)) === 5, 'events to expire');
    expect([await events(apps.forever), await events(apps.dropping)]).toEqual([1, 10]);
    await sameCopy();
    expect(await summed(apps.forever)).toBe(60);
    expect(await audit()).toContain('0 differences');
    // The partition of all that is older was empty all the time: nobody was held up for it.
    const emptied = stack.workers.flatMap((worker) => worker.records).flatMap(({ partitions: names }) => names ?? []);
    expect(emptied).toContain(gone);
    expect(emptied).not.toContain(before[0]);
    // A worker that starts makes months ahead, and not those again.
    await stack.startWorker();
    expect(await partitions()).toEqual(after);
  });

  test('while somebody reads events for long, nothing that waits for the table holds up what is stored', async () => {
    const reader = stack.db.createQueryRunner();
    await reader.startTransaction();
    try {
      await reader.query('SELECT COUNT(*) FROM events');
      // As retention does it, which asks for at most LOCK_WAIT_TIMEOUT_S.
      const own = createDataSource(stack.env.database, { poolSize: 1, lockWaitTimeoutS: 1 });
      await own.initialize();
      const startedAt = Date.now();
      await expect(own.query('LOCK TABLES events WRITE')).rejects.toMatchObject({ errno: 1205 });
      expect(Date.now() - startedAt).toBeLessThan(10_000);
      await own.destroy();
      await stack.push(0, encodeEnvelope(acceptedEvent({ appId: hex(apps.forever), event: 'meanwhile' })));
      await stack.drained();
    } finally {
      await reader.rollbackTransaction();
      await reader.release();
    }
  });

  test('counts alone are kept of whom every event has expired: no address, no browser; dropped, not even a user', async () => {
    const [ip, browser, os] = ['192.0.2.9', 'Firefox', 'Linux'];
    const old = { occurredAt: NOW - 4 * DAY, receivedAt: NOW - 4 * DAY, ip, browser, os, userValue: 'leaver' };
    for (const name of ['keeping', 'dropping'] as const) {
      const app = apps[name];
      const leaver = acceptedEvent({ appId: hex(app), eventId: 'leaver', ...old, userValue: `leaver ${name}` });
      await stack.push(0, encodeEnvelope(leaver));
    }
    await stack.drained();
    const person = async (name: string) =>
      (await stack.query<{ ip: string }>('SELECT ip, browser, os FROM user_analytics WHERE user_value = ?', [name]))[0];
    const archived = async (name: string) =>
      stack.query('SELECT day FROM archived_users WHERE user_key = ?', [Buffer.from(userKeysOf(name)[0]!, 'hex')]);
    expect(await person('leaver dropping')).toEqual({ ip, browser, os });
    await change(apps.keeping, { retentionDays: 3 });
    await change(apps.dropping, { retentionDays: 3 });
    await until(async () => (await person('leaver keeping'))?.ip === null, 'the address to go');
    expect(await person('leaver keeping')).toEqual({ ip: null, browser: null, os: null });
    await until(async () => (await person('leaver dropping')) === undefined, 'the person to go');
    expect([await archived('leaver keeping'), await archived('leaver dropping')]).toMatchObject([[{}], []]);
    // Back again: counted as one.
    await stack.push(0, encodeEnvelope(acceptedEvent({ appId: hex(apps.dropping), userValue: 'leaver dropping' })));
    await stack.drained();
    expect(await summed(apps.dropping, 'page_view')).toBe(1);
    expect(await audit()).toContain('0 differences');
  });

  test('an event of a clock that runs years ahead expires by its receipt', async () => {
    const far = acceptedEvent({ appId: hex(apps.keeping), eventId: 'far', occurredAt: NOW + 400 * DAY });
    const sent = { ...far, event: 'far', occurredAt: NOW - 4 * DAY, receivedAt: NOW - 4 * DAY };
    const near = {
      ...sent,
      id: acceptedEvent({ appId: hex(apps.keeping), eventId: 'n', occurredAt: NOW + 400 * DAY }).id,
    };
    await stack.push(0, encodeEnvelope(sent), encodeEnvelope({ ...near, receivedAt: NOW, occurredAt: NOW }));
    await stack.drained();
    const left = () => stack.query<{ id: Buffer }>("SELECT id FROM events WHERE event = 'far'");
    await until(async () => (await left()).length === 1, 'the far event to expire');
    expect((await left())[0]!.id.toString('hex')).toBe(near.id);
    await sameCopy();
    expect(await audit()).toContain('0 differences');
    await stack.query("DELETE FROM events WHERE event = 'far'");
    await stack.query("DELETE FROM event_summary WHERE event = 'far'");
  });
});

function month(time: number): string {
  return `p_${new Date(time).toISOString().slice(0, 7).replace('-', '_')}`;
}

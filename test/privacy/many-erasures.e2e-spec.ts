import type { AcceptedEvent } from '../../src/events/event.js';
import { call, registerApp, signIn, type Signed } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const ORDERS = 40;
/** On an app that is large for its many orders. */
const LARGE_APP_EVENTS = 100_000;
const LARGE_APP_ORDERS = 60;
const HOUR = 3_600_000;

interface TestApp {
  id: string;
  apiKey: string;
}

describe('many erasures at one time', () => {
  let stack: Stack;
  let ann: Signed;
  let bob: Signed;

  beforeAll(async () => {
    stack = await startStack({ env: { CHUNK_MAX_EVENTS: '400' } });
    [ann, bob] = [await signIn(stack.url), await signIn(stack.url, 'bob@example.test')];
  });
  afterAll(() => stack?.stop());

  const hex = (id: string): string => id.replaceAll('-', '');
  const eventOf = (app: TestApp, said: Partial<AcceptedEvent>): AcceptedEvent =>
    acceptedEvent({ appId: hex(app.id), ...said });
  const orderErasure = async (who: Signed, app: TestApp, person: string): Promise<string> => {
    const path = `${stack.url}/api/apps/${app.id}/users/${person}`;
    const { status, body } = await call(path, { token: who.accessToken, method: 'DELETE' });
    expect([status, body.stage]).toEqual([202, 'rows']);
    return body.erasureId as string;
  };
  const erasure = async (who: Signed, id: string) =>
    (await call(`${stack.url}/api/erasures/${id}`, { token: who.accessToken })).body;
  const done = (who: Signed, ids: string[], timeoutMs = 100_000) =>
    until(
      async () => {
        for (const id of ids) if ((await erasure(who, id)).stage !== 'done') return false;
        return true;
      },
      'the erasures',
      timeoutMs,
    );

  test('one search for all of them takes from each what was received before its own order, also after a kill', async () => {
    const app = await registerApp(stack.url, ann);
    const other = await registerApp(stack.url, ann);
    const now = Date.now();
    const between = now + 6000;
    const people = Array.from({ length: ORDERS }, (_none, i) => `person-${i}`);
    const own = people.flatMap((userValue, i) =>
      Array.from({ length: 10 }, (_n, n) =>
        eventOf(app, { eventId: `own ${i} ${n}`, userValue, event: `event ${n % 3}`, occurredAt: now - n * HOUR }),
      ),
    );
    const aliases = people.map((anonymousId, i) =>
      eventOf(app, { eventId: `alias ${i}`, userValue: 'stays', anonymousId, occurredAt: now - 2 * HOUR }),
    );
    // Received after the first order and before the others.
    const late = people
      .slice(0, 2)
      .flatMap((person, i) => [
        eventOf(app, { eventId: `late own ${i}`, userValue: person, receivedAt: between }),
        eventOf(app, { eventId: `late alias ${i}`, userValue: 'stays', anonymousId: person, receivedAt: between }),
      ]);
    const elsewhere = people.map((userValue, i) => eventOf(other, { eventId: `elsewhere ${i}`, userValue }));
    await stack.store([...own, ...aliases, ...late, ...elsewhere]);
    const letters = [
      { v: 99, a: hex(app.id), u: people[3], r: now },
      { v: 99, a: hex(app.id), u: 'stays', n: people[4], r: now },
      { v: 99, a: hex(app.id), u: people[0], r: between },
    ];
    await stack.push(0, ...letters.map((letter) => JSON.stringify(letter)));
    await stack.drained();
    for (const worker of stack.workers.splice(0)) await worker.stop();
    const ids = [await orderErasure(ann, app, people[0]!)];
    await until(() => Promise.resolve(Date.now() > between), 'the events between the orders to be of the past');
    for (const person of people.slice(1)) ids.push(await orderErasure(ann, app, person));
    const dying = await stack.startWorker();
    const begun = 'SELECT COUNT(*) AS n FROM erasures WHERE events_erased > 0';
    await until(async () => Number((await stack.query<{ n: string }>(begun))[0]!.n) > 2, 'some to be erased');
    await dying.stop('SIGKILL');
    stack.workers.splice(0);
    await Promise.all([stack.startWorker(), stack.startWorker()]);
    await done(ann, ids);
    const kept = [...aliases, ...late.filter((_event, i) => i !== 2), ...elsewhere];
    expect(await storedCounts(stack)).toEqual(countNaively(kept));
    const named = await stack.query<{ alias: Buffer }>(
      'SELECT anonymous_id AS alias FROM events WHERE app_id = ? AND anonymous_id IS NOT NULL',
      [Buffer.from(hex(app.id), 'hex')],
    );
    expect(named.map(({ alias }) => alias.toString())).toEqual([people[0]]);
    const left = await stack.query<{ envelope: Buffer }>('SELECT envelope FROM dead_letters');
    expect(left.map(({ envelope }) => JSON.parse(envelope.toString())).sort((a, b) => a.r - b.r)).toEqual([
      { v: 99, a: hex(app.id), u: 'stays', r: now },
      letters[2],
    ]);
    const counts = await Promise.all(ids.map(async (id) => (await erasure(ann, id)).eventsErased as number));
    expect(counts).toEqual(people.map((_person, i) => 10 + (i === 1 ? 1 : 0) + (i === 3 ? 1 : 0)));
  });

  test('an account with many orders on a large app delays nobody else', async () => {
    const large = await registerApp(stack.url, ann);
    const [small, doomed] = [await registerApp(stack.url, bob), await registerApp(stack.url, bob)];
    await stack.store(
      Array.from({ length: 200 }, (_none, i) =>
        eventOf(i % 2 ? small : doomed, { eventId: `bob ${i}`, userValue: `user-${i % 8}`, anonymousId: 'x' }),
      ),
    );
    await fillApp(stack, hex(large.id), LARGE_APP_EVENTS);
    const timed = async (order: () => Promise<string>): Promise<number> => {
      const begun = performance.now();
      await done(bob, [await order()]);
      return performance.now() - begun;
    };
    const alone = await timed(() => orderErasure(bob, small, 'user-1'));
    const many = [];
    for (let i = 0; i < LARGE_APP_ORDERS; i += 1) many.push(await orderErasure(ann, large, `nobody-${i}`));
    const besides = await Promise.all([
      timed(() => orderErasure(bob, small, 'user-3')),
      timed(async () => {
        const path = `${stack.url}/api/apps/${doomed.id}`;
        return (await call(path, { token: bob.accessToken, method: 'DELETE' })).body.erasureId as string;
      }),
    ]);
    expect(Math.max(...besides)).toBeLessThan(2 * alone + 2000);
    await done(ann, many);
  });

  test('an order waits for what its own account has pending, and for nobody else’s', async () => {
    const [app, other] = [await registerApp(stack.url, ann), await registerApp(stack.url, bob)];
    const hourAgo = Date.now() - HOUR;
    const { waiting } = stack.keys;
    // Segments that no worker takes: they are in no turn.
    const [ofAnn, ofBob] = [`${hex(app.id)}:900001`, `${hex(bob.user.id)}:900002`];
    await stack.redis.zadd(waiting, hourAgo, ofAnn, hourAgo, ofBob);
    // A claim of another account's backlog, which no worker finishes.
    const { base } = stack.keys;
    await stack.redis.rpush(`${base}claim:stuck`, `${'f'.repeat(32)}:900003`);
    await stack.redis.zadd(`${base}claimed`, hourAgo, 'stuck');
    // Kept before the owner of a new app was known: under the app's id.
    await stack.redis.rpush(stack.keys.queue(hex(app.id)), ofAnn);
    await stack.redis.rpush(stack.keys.queue(hex(bob.user.id)), ofBob);
    const [first, second] = [await orderErasure(ann, app, 'nobody'), await orderErasure(bob, other, 'nobody')];
    await stack.redis.del(stack.keys.queue(hex(bob.user.id)));
    await done(bob, [second]);
    expect((await erasure(ann, first)).stage).toBe('buffer');
    await stack.redis.del(stack.keys.queue(hex(app.id)));
    await done(ann, [first]);
    await stack.redis.zrem(waiting, ofAnn, ofBob);
    await stack.redis.del(`${base}claim:stuck`);
    await stack.redis.zrem(`${base}claimed`, 'stuck');
  });

  test('the same order given twice is one erasure, and an account has a bounded number of them', async () => {
    for (const worker of stack.workers.splice(0)) await worker.stop();
    const app = await registerApp(stack.url, ann);
    const first = await orderErasure(ann, app, 'twice');
    expect(await orderErasure(ann, app, 'twice')).toBe(first);
    const rows = Array.from({ length: 999 }, (_none, i) => [
      ...[Buffer.from(i.toString(16).padStart(32, '0'), 'hex'), Buffer.from(hex(app.id), 'hex')],
      ...[Buffer.from(hex(ann.user.id), 'hex'), 'person', `waiting ${i}`, new Date(), 'rows'],
    ]);
    const columns = 'id, app_id, owner_id, subject, user_value, requested_at, stage';
    await stack.query(`INSERT INTO erasures (${columns}) VALUES ?`, [rows]);
    const path = `${stack.url}/api/apps/${app.id}/users/one-more`;
    const refused = await call(path, { token: ann.accessToken, method: 'DELETE' });
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'too_many_erasures',
      '60',
    ]);
    expect(refused.body.detail).toContain('1,000 people of your apps are waiting to be erased');
    expect(await orderErasure(ann, app, 'twice')).toBe(first);
    await orderErasure(bob, await registerApp(stack.url, bob), 'somebody');
    // Apps are counted by themselves, and the account can always be deleted.
    expect((await call(`${stack.url}/api/apps/${app.id}`, { token: ann.accessToken, method: 'DELETE' })).status).toBe(
      202,
    );
    expect((await call(`${stack.url}/api/auth/me`, { token: ann.accessToken, method: 'DELETE' })).status).toBe(204);
    await stack.startWorker();
    const open = 'SELECT COUNT(*) AS n FROM erasures WHERE finished_at IS NULL';
    await until(async () => Number((await stack.query<{ n: string }>(open))[0]!.n) === 0, 'all erasures');
    const left = await stack.query<{ owner: string }>(
      'SELECT DISTINCT LOWER(HEX(a.owner_id)) AS owner FROM events e JOIN apps a ON a.id = e.app_id',
    );
    expect(left.map(({ owner }) => owner)).toEqual([hex(bob.user.id)]);
  });
});

/** Rows of `events` alone: no count is asked for. @param appId 32 hex digits */
async function fillApp(stack: Stack, appId: string, events: number): Promise<void> {
  const digits =
    'SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 ' +
    'UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9';
  const numbers = `SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n
    FROM (${digits}) a, (${digits}) b, (${digits}) c, (${digits}) d, (${digits}) e`;
  await stack.query(
    `INSERT INTO events (app_id, id, event, occurred_at, received_at, user_key, user_id, anonymous_id, device, url, payload_hash, batch_id)
    SELECT ?, UNHEX(CONCAT(?, LPAD(HEX(n), 20, '0'))), 'page_view', NOW(3), NOW(3), UNHEX(MD5(n % 1000)), n % 1000,
      CONCAT('anonymous ', n % 1000), 'desktop', 'https://shop.example/products/list', X'0102030405060708', ?
    FROM (${numbers}) numbers WHERE n < ?`,
    [Buffer.from(appId, 'hex'), Date.now().toString(16).padStart(12, '0'), Buffer.alloc(16, 1), events],
  );
}

import { request } from 'node:http';
import type { AcceptedEvent } from '../src/events/event.js';
import { formatUuid, storedEventId } from '../src/events/event-id.js';
import { call, registerApp, type Signed, signIn } from './support/client.js';
import { clickhouseClient } from './support/engine.js';
import { acceptedEvent } from './support/events.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIRST = Date.UTC(2026, 2, 20);
const DAYS = 20;
const NAMES = ['view', 'Grüße', 'it\'s \\ "odd" {x:String} \u{1F600}'];
const DEVICES = ['mobile', 'tablet', 'desktop'] as const;
const PAGES = [
  'https://shop.example/a?utm_source=news+letter',
  'https://shop.example/a/?utm_source=news%20letter',
  undefined,
];
const REFERRERS = ['https://Blog.example/x', 'https://search.example:8080/?q=1', undefined];
/** More than MySQL was ever asked to look at one by one. */
const MANY = 300_000;
/** In one insert, which may use little memory. */
const ROWS_AT_ONCE = 30_000;

interface Listed {
  id: string;
  appId: string;
  event: string;
}
type Query = Record<string, string | string[]>;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('lists that ClickHouse answers', () => {
  let stack: Stack;
  let ann: Signed;
  let eve: Signed;
  /** Two of ann's, and one of eve's. */
  let apps: string[];
  const sent: AcceptedEvent[] = [];

  beforeAll(async () => {
    stack = await startStack({ engine: 'own' });
    ann = await signIn(stack.url);
    eve = await signIn(stack.url, 'eve@example.test');
    for (const who of [ann, ann, eve]) (apps ??= []).push((await registerApp(stack.url, who)).id);
    const pick = random(7);
    for (let i = 0; i < 600; i += 1) {
      const metadata = [{ plan: 'Pro', n: i % 3 }, { plan: null }, undefined][pick(3)];
      sent.push(
        acceptedEvent({
          ...{ appId: hex(apps[pick(3)]!), eventId: `${i}`, event: NAMES[pick(3)]!, userValue: `u${pick(40)}` },
          ...{ occurredAt: FIRST + pick(DAYS * 24 * 3600) * 1000 + pick(1000), device: DEVICES[pick(3)]! },
          ...{ url: PAGES[pick(3)], referrer: REFERRERS[pick(3)], browser: ['Chrome', undefined][pick(2)] },
          metadata: metadata && JSON.stringify(metadata),
        }),
      );
    }
    await stack.store(sent);
  });
  afterAll(() => stack?.stop());

  const search = (query: Query) => {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) params.append(name, one);
    return params.toString();
  };
  const ask = (path: string, query: Query = {}, who = ann) =>
    call(`${stack.url}/api/analytics/${path}?${search(query)}`, { token: who.accessToken });
  const answer = async (path: string, query: Query = {}, who = ann) => {
    const { status, body } = await ask(path, query, who);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body;
  };
  const pages = async <T = Listed>(path: string, query: Query = {}, who = ann, between?: () => Promise<unknown>) => {
    const found: T[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const body = await answer(path, { ...query, cursor }, who);
      found.push(...(body.data as T[]));
      cursor = body.nextCursor as string | null;
      await between?.();
    }
    return found;
  };
  const exported = async (query: Query, who = ann) =>
    ((await answer('export', { ...query, format: 'ndjson' }, who)) as string)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Listed);
  const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);
  const newestFirst = (events: readonly AcceptedEvent[]) =>
    events.map(({ id }) => formatUuid(id)).sort((a, b) => (a < b ? 1 : -1));
  const isOf =
    (...indices: number[]) =>
    ({ appId }: AcceptedEvent) =>
      indices.some((index) => hex(apps[index]!) === appId);
  const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

  test('pages hold what was sent: filters, ranges and apps at random', async () => {
    const pick = random(11);
    for (let i = 0; i < 40; i += 1) {
      const [first, last] = [pick(DAYS), pick(DAYS)].sort((a, b) => a - b) as [number, number];
      const [startDate, endDate] = [dayOf(FIRST + first * DAY_MS), dayOf(FIRST + last * DAY_MS)];
      const app = [undefined, 0, 1][pick(3)];
      const event = [undefined, ...NAMES][pick(4)];
      const device = [undefined, ...DEVICES][pick(4)];
      const source = pick(3) === 0 ? 'news letter' : undefined;
      const host = [undefined, 'blog.example', 'search.example:8080'][pick(3)];
      const plan = pick(3) === 0 ? 'plan:Pro' : undefined;
      const expected = sent.filter(
        (one) =>
          (app === undefined ? isOf(0, 1)(one) : isOf(app)(one)) &&
          dayOf(one.occurredAt) >= startDate &&
          dayOf(one.occurredAt) <= endDate &&
          (event === undefined || one.event === event) &&
          (device === undefined || one.device === device) &&
          (source === undefined || one.url !== undefined) &&
          (host === undefined || one.referrer?.toLowerCase().includes(`//${host}/`) === true) &&
          (plan === undefined || one.metadata?.includes('Pro') === true),
      );
      const asked = { event, device, utmSource: source, referrerHost: host, metadata: plan };
      const filters = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Query;
      const query = {
        ...filters,
        startDate,
        endDate,
        timezone: 'UTC',
        ...(app === undefined ? {} : { app_id: apps[app]! }),
      };
      expect(ids(await pages('events', { ...query, limit: '40' }))).toEqual(newestFirst(expected));
      expect(ids(await exported(query)).sort()).toEqual(newestFirst(expected).sort());
    }
  });

  test.each(['event', 'url', 'referrerHost', 'device', 'browser', 'utmSource', 'metadata.plan', 'metadata.n'])(
    'a value of %s finds as many events in the list and in the export as breakdown counts',
    async (by) => {
      const { data } = await answer('breakdown', { by, limit: '100' });
      const values = (data as { value: string | null; count: number }[]).filter(({ value }) => value !== null);
      expect(values.length).toBeGreaterThan(0);
      for (const { value, count } of values) {
        const key = by.startsWith('metadata.') ? by.slice('metadata.'.length) : undefined;
        const filter: Query = key ? { metadata: `${key}:${value!}` } : { [by]: value! };
        const list = ids(await pages('events', { ...filter, limit: '150' }));
        const download = ids(await exported(filter));
        expect([value, list.length, download.length]).toEqual([value, count, count]);
        expect(download.sort()).toEqual(list.sort());
      }
    },
  );

  test('an export with filters is oldest first, app by app', async () => {
    for (const app of [0, 1]) {
      const query = { app_id: apps[app]!, event: NAMES[0]! };
      const expected = sent.filter((one) => isOf(app)(one) && one.event === NAMES[0]);
      expect(ids(await exported(query))).toEqual(newestFirst(expected).reverse());
    }
  });

  test('users are those who were seen, last seen first, with their totals', async () => {
    const own = sent.filter(isOf(0, 1));
    const seen = new Map<string, AcceptedEvent[]>();
    for (const one of own) seen.set(one.userValue, [...(seen.get(one.userValue) ?? []), one]);
    const last = (events: AcceptedEvent[]) => Math.max(...events.map(({ occurredAt }) => occurredAt));
    const expected = [...seen]
      .sort(([, a], [, b]) => last(b) - last(a))
      .map(([userId, events]) => ({
        ...{ userId, totalEvents: events.length, lastSeen: new Date(last(events)).toISOString() },
      }));
    expect(await pages('users', { limit: '7' })).toMatchObject(expected);
  });

  test('a timeline is what the person did in all apps, newest first, and what they used', async () => {
    const own = sent.filter((one) => isOf(0, 1)(one) && one.userValue === 'u3');
    const byTime = [...own].sort((a, b) => b.occurredAt - a.occurredAt).map(({ id }) => formatUuid(id));
    expect(ids(await pages('users/timeline', { userId: 'u3', limit: '3' }))).toEqual(byTime);
    const { devices } = await answer('users/timeline', { userId: 'u3' });
    const counts = (devices as { count: number }[]).map(({ count }) => count);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(own.length);
  });

  test("nobody sees another account's events, though their ids and users are the same", async () => {
    const own = sent.filter(isOf(2));
    expect(ids(await pages('events', {}, eve))).toEqual(newestFirst(own));
    expect(ids(await exported({ device: [...DEVICES] }, eve)).sort()).toEqual(newestFirst(own).sort());
    const users = await pages<{ totalEvents: number }>('users', {}, eve);
    expect(users.reduce((sum, { totalEvents }) => sum + totalEvents, 0)).toBe(own.length);
    const timeline = ids(await pages('users/timeline', { userId: 'u3' }, eve));
    expect(timeline.sort()).toEqual(newestFirst(own.filter(({ userValue }) => userValue === 'u3')).sort());
    for (const path of ['events', 'users', 'export', 'live', 'users/timeline']) {
      expect((await ask(path, { app_id: apps[0]!, ...personOf(path) }, eve)).status).toBe(404);
    }
  });

  describe('of somebody to whom things happen', () => {
    let bob: Signed;
    let app: string;
    let bobs: AcceptedEvent[];
    const store = async (...events: Partial<AcceptedEvent>[]) => {
      const made = events.map((one) => acceptedEvent({ appId: hex(app), ...one }));
      await stack.store(made);
      return made;
    };
    beforeEach(async () => {
      bob = await signIn(stack.url, `bob-${expect.getState().currentTestName!.length}-${Date.now()}@example.test`);
      app = (await registerApp(stack.url, bob)).id;
      bobs = await store(
        ...Array.from({ length: 40 }, (_none, i) => ({
          ...{ eventId: `${i}`, occurredAt: FIRST + i * HOUR_MS, event: `e${i % 2}`, userValue: `b${i % 20}` },
        })),
      );
    });

    test('pages have no gap and no duplicate while events arrive', async () => {
      let more = 0;
      const arrives = () => {
        more += 1;
        return store({ eventId: `more ${more}`, occurredAt: FIRST + 50 * HOUR_MS + more, userValue: `b${more % 3}` });
      };
      const list = ids(await pages('events', { limit: '7' }, bob, arrives));
      expect(list).toEqual(newestFirst(bobs));
      const people = await pages<{ userId: string }>('users', { limit: '3' }, bob, arrives);
      const names = people.map(({ userId }) => userId);
      expect(new Set(names).size).toBe(names.length);
      // Whoever came back meanwhile is on the first page by now.
      const stayed = bobs.map(({ userValue }) => userValue).filter((name) => !['b0', 'b1', 'b2'].includes(name));
      expect(names).toEqual(expect.arrayContaining(stayed));
      const timeline = ids(await pages('users/timeline', { userId: 'b5', limit: '1' }, bob, arrives));
      expect(timeline.sort()).toEqual(newestFirst(bobs.filter(({ userValue }) => userValue === 'b5')).sort());
    });

    test('what MySQL no longer has is not shown, and pages go on behind it', async () => {
      const gone = bobs.slice(10, 30);
      const goneIds = gone.map(({ id }) => Buffer.from(id, 'hex'));
      await stack.query('DELETE FROM events WHERE app_id = ? AND id IN (?)', [Buffer.from(hex(app), 'hex'), goneIds]);
      const left = bobs.filter((one) => !gone.includes(one));
      expect(ids(await pages('events', { limit: '6' }, bob))).toEqual(newestFirst(left));
      expect(ids(await exported({ event: ['e0', 'e1'] }, bob)).sort()).toEqual(newestFirst(left).sort());
      const timeline = ids(await pages('users/timeline', { userId: 'b12', limit: '1' }, bob));
      expect(timeline).toEqual(newestFirst(left.filter(({ userValue }) => userValue === 'b12')));
    });

    test('a person who is erased is in no list', async () => {
      const path = `${stack.url}/api/apps/${app}/users/b7`;
      expect((await call(path, { token: bob.accessToken, method: 'DELETE' })).status).toBe(202);
      const left = newestFirst(bobs.filter(({ userValue }) => userValue !== 'b7'));
      await until(async () => ids(await pages('events', {}, bob)).length === left.length, 'the events to be gone');
      expect(ids(await pages('events', {}, bob))).toEqual(left);
      const names = (await pages<{ userId: string }>('users', {}, bob)).map(({ userId }) => userId);
      expect(names).toHaveLength(19);
      expect(names).not.toContain('b7');
      expect(await pages('users/timeline', { userId: 'b7' }, bob)).toEqual([]);
    });

    test('what has expired is not shown from the moment of its fence', async () => {
      const fence = FIRST + 20 * HOUR_MS;
      const left = bobs.filter(({ occurredAt }) => occurredAt >= fence);
      await stack.query('UPDATE apps SET deleted_before = ? WHERE id = ?', [
        ...[new Date(fence), Buffer.from(hex(app), 'hex')],
      ]);
      expect(ids(await pages('events', {}, bob))).toEqual(newestFirst(left));
      expect(ids(await exported({}, bob))).toEqual(newestFirst(left).reverse());
      expect(ids(await exported({ event: ['e0', 'e1'] }, bob))).toEqual(newestFirst(left).reverse());
      const timeline = ids(await pages('users/timeline', { userId: 'b3' }, bob));
      expect(timeline).toEqual(newestFirst(left.filter(({ userValue }) => userValue === 'b3')));
    });

    test('an event of a clock that ran years ahead is in the list, breakdown and exports of its day', async () => {
      const day = { startDate: dayOf(FIRST), endDate: dayOf(FIRST), timezone: 'UTC' };
      const nextDay = { startDate: dayOf(FIRST + DAY_MS), timezone: 'UTC' };
      const ofDay = bobs.filter(({ occurredAt }) => occurredAt < FIRST + DAY_MS);
      const ahead = [2, 400].map((days) => {
        const id = storedEventId(FIRST + days * DAY_MS, hex(app), `ahead ${days}`);
        return { id, eventId: `ahead ${days}`, event: 'ahead', occurredAt: FIRST + 5 * HOUR_MS, userValue: 'ahead' };
      });
      const stored = await store(...ahead);
      expect(ids(await pages('events', day, bob))).toEqual(newestFirst([...ofDay, ...stored]));
      expect(ids(await exported(day, bob)).sort()).toEqual(newestFirst([...ofDay, ...stored]).sort());
      expect(ids(await exported({ ...day, event: 'ahead' }, bob)).sort()).toEqual(newestFirst(stored).sort());
      const { total, data } = await answer('breakdown', { ...day, by: 'event', device: 'desktop' }, bob);
      expect(total).toBe(ofDay.length + stored.length);
      expect(data).toContainEqual(expect.objectContaining({ value: 'ahead', count: 2 }));
      for (const query of [nextDay, { ...nextDay, event: 'ahead' }]) {
        const names = [...(await pages('events', query, bob)), ...(await exported(query, bob))];
        expect(names.map(({ event }) => event)).not.toContain('ahead');
      }
      // Who has such a clock was not seen last for ever.
      const [first] = await pages<{ userId: string }>('users', {}, bob);
      expect(first!.userId).toBe(bobs.at(-1)!.userValue);
    });

    test('a rare event is found behind 300,000 others, and they are all counted', async () => {
      const client = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
      const at = `toDateTime64(${(FIRST + 100 * HOUR_MS) / 1000}, 3, 'UTC')`;
      // Higher ids than those of bob's events.
      const lowest = BigInt(`0x${(FIRST + 100 * HOUR_MS).toString(16).padStart(12, '0').padEnd(32, '0')}`);
      for (let from = 0; from < MANY; from += ROWS_AT_ONCE) {
        await client.command({
          query: `INSERT INTO events (app_id, occurred_at, received_at, event, user_key, id, device)
            SELECT toUUID('${app}'), ${at}, ${at}, 'many', toUInt128(number), toUInt128('${lowest}') + number, 'other'
            FROM numbers(${from}, ${ROWS_AT_ONCE})`,
        });
      }
      await client.close();
      expect((await answer('breakdown', { by: 'url' }, bob)).total).toBe(MANY + bobs.length);
      expect((await answer('breakdown', { by: 'device' }, bob)).data[0]).toMatchObject({
        count: MANY,
        uniqueUsers: MANY,
      });
      expect(ids((await answer('events', { event: 'e1', limit: '1' }, bob)).data)).toEqual([
        formatUuid(bobs.at(-1)!.id),
      ]);
      expect(ids(await exported({ event: 'e1' }, bob))).toHaveLength(20);
    });
  });

  test('asOf is no later than the receipt of an event that is committed and not copied', async () => {
    const receipt = new Date(Date.now() - HOUR_MS);
    // Committed in the future: no worker recovers it meanwhile.
    const add = `INSERT INTO outbox (batch_id, group_id, committed_at, oldest_receipt, bytes, event_ids)
      VALUES (?, NULL, NOW(3) + INTERVAL 1 DAY, ?, 0, '')`;
    await stack.query(add, [Buffer.alloc(16, 1), receipt]);
    const asked = ['events', 'users', 'users/timeline'].map((path) => answer(path, personOf(path)));
    const answers = await Promise.all(asked).finally(() =>
      stack.query('DELETE FROM outbox WHERE batch_id = ?', [Buffer.alloc(16, 1)]),
    );
    expect(answers.map(({ asOf }) => asOf as string)).toEqual(answers.map(() => receipt.toISOString()));
  });

  describe('while ClickHouse does not answer', () => {
    const REFUSED = [
      ...['events', 'events?event=view', 'users', 'users/timeline?userId=u3', 'export?event=view'],
      ...['export?format=ndjson&device=mobile', 'breakdown?by=url'],
    ];
    const refusals = async () => {
      const answers = [];
      for (const path of REFUSED) {
        const { status, body, headers } = await call(`${stack.url}/api/analytics/${path}`, { token: ann.accessToken });
        answers.push([path, status, body.code, headers.get('retry-after')]);
      }
      return answers;
    };
    /** What MySQL answers alone. */
    const assertMysqlAnswers = async () => {
      expect(ids(await exported({})).sort()).toEqual(newestFirst(sent.filter(isOf(0, 1))).sort());
      expect((await answer('users', { search: 'u3' })).data.length).toBeGreaterThan(0);
      expect((await answer('user-stats', { userId: 'u3' })).totalEvents).toBeGreaterThan(0);
    };

    test('frozen: lists are refused, what MySQL has goes on, and a live view says so and recovers', async () => {
      let told = '';
      const live = request(
        `${stack.url}/api/analytics/live`,
        { headers: { authorization: `Bearer ${ann.accessToken}` } },
        (reply) => reply.setEncoding('utf8').on('data', (piece: string) => (told += piece)),
      );
      live.on('error', () => undefined).end();
      try {
        await until(() => told.includes('event: counts'), 'the live view to begin');
        stack.engine.process.child.kill('SIGSTOP');
        await until(() => told.includes('event: unavailable'), 'the live view to say so');
        expect(told).toContain('"code":"read_model_unavailable"');
        expect(await refusals()).toEqual(REFUSED.map((path) => [path, 503, 'read_model_unavailable', '2']));
        await assertMysqlAnswers();
        told = '';
      } finally {
        stack.engine.process.child.kill('SIGCONT');
      }
      await until(() => told.includes('event: counts'), 'the live view to go on', 10_000);
      const now = acceptedEvent({ appId: hex(apps[0]!), event: 'afterwards', eventId: 'afterwards' });
      await stack.store([now]);
      sent.push(now);
      await until(() => told.includes('afterwards'), 'the live view to tell of it');
      live.destroy();
      expect(ids((await answer('events', { limit: '1' })).data)).toEqual([formatUuid(now.id)]);
    });

    test('while the copy is not complete: the same, and it is said how far it is', async () => {
      await Promise.all(stack.workers.map((worker) => worker.stop()));
      await stack.query('UPDATE read_model SET complete_at = NULL, filled = 1234');
      const isRefused = async () => (await ask('events')).status === 503;
      await until(isRefused, 'the API to know');
      expect(await refusals()).toEqual(REFUSED.map((path) => [path, 503, 'read_model_unavailable', '10']));
      await until(async () => String((await ask('events')).body.detail).includes('1234'), 'the answer to tell');
      await assertMysqlAnswers();
      await stack.query('UPDATE read_model SET complete_at = NOW(3)');
      await until(async () => !(await isRefused()), 'the API to know');
    });
  });
});

/** What a timeline needs beside the range. */
function personOf(path: string): Record<string, string> {
  return path === 'users/timeline' ? { userId: 'u3' } : {};
}

/** Of the text of a UUID. */
function hex(id: string): string {
  return id.replaceAll('-', '');
}

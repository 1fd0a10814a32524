import type { AcceptedEvent } from '../src/events/event.js';
import { uuidV7 } from '../src/events/event-id.js';
import { acceptedEvent } from './support/events.js';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const FIRST = Date.UTC(2026, 9, 30, 20);
const HOUR = 3_600_000;
const URLS = [
  'https://shop.example/?utm_source=news+letter&utm_campaign=a%20b#top',
  'https://shop.example/a?x=1&utm_source=Ads',
  'https://shop.example/a?x=1&utm_source=ads&not_utm_source=no',
  'https://shop.example/plain?utm_sourced=no',
];
const REFERRERS = ['https://Search.example:8080/find?q=https://else.example', 'http://me@blog.example#x', undefined];
const HOSTS = ['search.example:8080', 'blog.example', null];
const SOURCES = ['news letter', 'Ads', 'ads', null];
const METADATA = [
  { plan: 'Pro', 'a key': 1 },
  { plan: 'pro', 'a key': true },
  { plan: null, nested: { a: 1 } },
  undefined,
];
const PLANS = ['Pro', 'pro', 'null', null];

interface Row {
  value: string | null;
  count: number;
  uniqueUsers: number;
  share: number;
}

describe('breakdown', () => {
  let stack: Stack;
  let ann: Signed;
  let apps: string[];
  let sent: AcceptedEvent[];
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    apps = [(await registerApp(stack.url, ann)).id, (await registerApp(stack.url, ann)).id];
    sent = Array.from({ length: 700 }, (_none, i) =>
      acceptedEvent({
        appId: apps[i % 2]!.replaceAll('-', ''),
        eventId: `${i}`,
        event: ['view', 'View', 'buy', 'größe'][(i * i) % 4]!,
        occurredAt: FIRST + ((i * 13) % 96) * (HOUR / 2),
        userValue: `user ${(i * 7) % 31}`,
        device: (['mobile', 'desktop', 'bot'] as const)[i % 3],
        browser: ['Chrome', undefined][i % 5 === 0 ? 1 : 0],
        url: URLS[i % 7 < 4 ? i % 7 : 3],
        referrer: REFERRERS[i % 3],
        metadata: METADATA[i % 4] && JSON.stringify(METADATA[i % 4]),
      }),
    );
    await stack.store(sent);
  });
  afterAll(() => stack?.stop());

  const ask = (query: string, token: { token?: string; key?: string } = { token: ann.accessToken }) =>
    call(`${stack.url}/api/analytics/breakdown?${query}`, token);
  const expected = (valueOf: (event: AcceptedEvent) => string | null, matches: (event: AcceptedEvent) => boolean) => {
    const events = sent.filter(matches);
    const values = new Set(events.map(valueOf));
    const rows = [...values].map((value): Row => {
      const own = events.filter((one) => valueOf(one) === value);
      const users = new Set(own.map(({ userValue }) => userValue)).size;
      return { value, count: own.length, uniqueUsers: users, share: own.length / events.length };
    });
    return { total: events.length, rows: inOrder(rows) };
  };
  const at = (from: number, to: number) => (one: AcceptedEvent) => one.occurredAt >= from && one.occurredAt < to;
  const range = (from: number, to: number) =>
    `startDate=${new Date(from).toISOString()}&endDate=${new Date(to).toISOString()}`;
  const all = () => true;
  const url = (one: AcceptedEvent) => URLS.indexOf(one.url!);

  test.each<[string, (event: AcceptedEvent) => string | null, (event: AcceptedEvent) => boolean]>([
    ['by=event', (one) => one.event, all],
    [`by=event&${range(FIRST + HOUR, FIRST + 30 * HOUR)}`, (one) => one.event, at(FIRST + HOUR, FIRST + 30 * HOUR)],
    ['by=event&startDate=2026-10-31&endDate=2026-10-31', (one) => one.event, at(FIRST + 4 * HOUR, FIRST + 28 * HOUR)],
    ['by=event&device=mobile', (one) => one.event, (one) => one.device === 'mobile'],
    ['by=url', (one) => one.url!, all],
    ['by=device', (one) => one.device, all],
    ['by=device&event=view&event=buy', (one) => one.device, (one) => ['view', 'buy'].includes(one.event)],
    ['by=browser', (one) => one.browser ?? null, all],
    ['by=os', () => null, all],
    ['by=referrerHost', (one) => HOSTS[REFERRERS.indexOf(one.referrer)]!, all],
    ['by=utmSource', (one) => SOURCES[url(one)]!, all],
    ['by=utmCampaign', (one) => (url(one) === 0 ? 'a b' : null), all],
    [
      'by=metadata.plan',
      (one) => PLANS[METADATA.findIndex((m) => m && JSON.stringify(m) === one.metadata)] ?? null,
      all,
    ],
    [
      'by=browser&metadata=plan:pro',
      (one) => one.browser ?? null,
      (one) => one.metadata === JSON.stringify(METADATA[1]),
    ],
    [
      'by=device&metadata=a key:true&referrerHost=blog.example&utmSource=ads',
      (one) => one.device,
      (one) => one.metadata === JSON.stringify(METADATA[1]) && one.referrer === REFERRERS[1] && url(one) === 2,
    ],
    [`by=url&${range(FIRST + HOUR, FIRST + 7 * HOUR)}`, (one) => one.url!, at(FIRST + HOUR, FIRST + 7 * HOUR)],
    ['by=device&event=never', (one) => one.device, () => false],
  ])('%s equals what is counted by hand', async (query, valueOf, matches) => {
    const { status, body } = await ask(`${query}&timezone=UTC`);
    const { total, rows } = expected(valueOf, matches);
    expect([status, body.total, inOrder(body.data as Row[])]).toEqual([200, total, rows]);
  });

  test('lists the most frequent first, and no more than asked; the share is of all', async () => {
    const { rows, total } = expected((one) => one.event, all);
    for (const query of ['by=event', 'by=event&device=mobile&device=desktop&device=bot']) {
      const { body } = await ask(`${query}&limit=2`);
      expect([body.total, body.data]).toEqual([total, rows.slice(0, 2)]);
    }
  });

  test('of a key: its own app alone; of one app: that app', async () => {
    const { apiKey } = await createKey(stack.url, ann, { appId: apps[1], scopes: ['read'] });
    const own = expected(
      (one) => one.device,
      (one) => one.appId === apps[1]!.replaceAll('-', ''),
    );
    expect(inOrder((await ask('by=device', { key: apiKey })).body.data)).toEqual(own.rows);
    expect(inOrder((await ask(`by=device&app_id=${apps[1]}`)).body.data)).toEqual(own.rows);
  });

  test('a value that is told shortened can be filtered by as it is told', async () => {
    const app = await registerApp(stack.url, ann);
    const appId = app.id.replaceAll('-', '');
    const long = `https://shop.example/${'ä'.repeat(300)}`;
    const urls = [`${long}?1`, `${long}?2`, long.slice(0, 200)];
    await stack.store(urls.map((one, i) => acceptedEvent({ appId, eventId: `${i}`, url: one, occurredAt: FIRST })));
    const { body } = await ask(`by=url&app_id=${app.id}`);
    expect(body.data.map(({ value, count }: Row) => [value, count])).toEqual([
      [long.slice(0, 255), 2],
      [long.slice(0, 200), 1],
    ]);
    for (const [value, count] of [
      [long.slice(0, 255), 2],
      [`${long}?1`, 1],
      [long.slice(0, 200), 1],
      [long.slice(0, 199), 0],
    ] as const) {
      const of = await ask(`by=event&app_id=${app.id}&url=${encodeURIComponent(value)}`);
      expect([value, of.body.total]).toEqual([value, count]);
    }
  });

  test('names without number do not stop it', async () => {
    const app = await registerApp(stack.url, ann);
    const appId = app.id.replaceAll('-', '');
    const names = Array.from({ length: 9000 }, (_none, i) => '😀'.repeat(120) + i);
    for (let at = 0; at < names.length; at += 1500) {
      await stack.store(names.slice(at, at + 1500).map((event) => acceptedEvent({ appId, event, occurredAt: FIRST })));
    }
    await stack.store([
      acceptedEvent({ appId, event: 'twice', eventId: '1' }),
      acceptedEvent({ appId, event: 'twice' }),
    ]);
    for (const query of [
      '',
      '&startDate=2026-10-30T00:00:00Z',
      '&startDate=2026-10-30T12:00:00Z&timezone=Asia/Kolkata',
    ]) {
      const { status, body } = await ask(`by=event&limit=2&app_id=${app.id}${query}`);
      expect([status, body.total, body.data[0].value, body.data[0].count]).toEqual([200, 9002, 'twice', 2]);
    }
  }, 240_000);

  test('a campaign is one however its spaces are spelled, and can be filtered by as it is shown', async () => {
    const app = await registerApp(stack.url, ann);
    const appId = app.id.replaceAll('-', '');
    const spelled = ['spring+sale', 'spring%20sale', 'caf%C3%A9'];
    await stack.store(
      spelled.map((text) => acceptedEvent({ appId, eventId: text, url: `https://shop.example/?utm_source=${text}` })),
    );
    const { body } = await ask(`by=utmSource&app_id=${app.id}`);
    expect(body.data.map(({ value, count }: Row) => [value, count])).toEqual([
      ['spring sale', 2],
      ['café', 1],
    ]);
    for (const [value, n] of [
      ['spring sale', 2],
      ['café', 1],
    ] as const) {
      const found = await ask(`by=device&app_id=${app.id}&utmSource=${encodeURIComponent(value)}`);
      expect([value, found.body.total]).toEqual([value, n]);
    }
  });

  test('an event whose corrected clock ran days ahead is counted on its day, and one may filter by it', async () => {
    const app = await registerApp(stack.url, ann);
    const appId = app.id.replaceAll('-', '');
    const ahead = uuidV7(FIRST + 40 * 24 * HOUR);
    await stack.store([acceptedEvent({ appId, id: ahead, event: 'ahead', occurredAt: FIRST, url: URLS[1] })]);
    const { body } = await ask(`by=url&event=ahead&app_id=${app.id}&${range(FIRST, FIRST + HOUR)}`);
    expect(body.data).toEqual([{ value: URLS[1], count: 1, uniqueUsers: 1, share: 1 }]);
  });

  test.each([
    ['', 'by'],
    ['by=color', 'by'],
    ['by=toString', 'by'],
    ['by=metadata.', 'by'],
    ['by=metadata.a"b', 'by'],
    ['by=url&limit=101', 'limit'],
    ['by=url&metadata=plan', 'metadata'],
    ['by=url&metadata=:x', 'metadata'],
  ])('%s is refused, naming the field', async (query, field) => {
    const { status, body } = await ask(query);
    expect([status, body.errors[0].field]).toEqual([400, field]);
  });

  describe('while the copy is not complete', () => {
    beforeAll(() => stack.answersFromMysql());

    test('names of events are answered by MySQL', async () => {
      const { status, body } = await ask(`by=event&app_id=${apps[0]}`);
      const { rows, total } = expected(
        (one) => one.event,
        (one) => one.appId === apps[0]!.replaceAll('-', ''),
      );
      const counted = rows.map((row) => ({ ...row, uniqueUsers: null }));
      expect([status, body.total, inOrder(body.data)]).toEqual([200, total, counted]);
    });

    test.each(['by=url', 'by=device', 'by=event&device=mobile'])('%s is refused', async (query) => {
      const { status, body, headers } = await ask(query);
      expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'read_model_unavailable', '10']);
    });
  });
});

/** Most frequent first, then by value as its bytes are ordered; without one first. */
function inOrder(rows: Row[]): Row[] {
  const bytes = ({ value }: Row) => (value === null ? Buffer.alloc(0) : Buffer.from(value));
  return [...rows].sort((a, b) => b.count - a.count || Buffer.compare(bytes(a), bytes(b)));
}

import { call, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const OKHTTP = 'okhttp/4.12.0';
const HOUR = 60 * 60_000;
const STARTED_AT = Date.now();

/** The UTC date so many hours after this test began. */
const date = (hours: number): string => new Date(STARTED_AT + hours * HOUR).toISOString().slice(0, 10);

describe('what clients say of themselves', () => {
  let stack: Stack;
  let ann: Signed;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, env: { RATE_LIMITS: 'signin=10000,address=50' } });
    await stack.query('INSERT INTO visitor_secrets (day, secret) VALUES (?, ?)', [date(-72), Buffer.alloc(32)]);
    await stack.startApi();
    ann = await signIn(stack.url);
  });
  afterAll(() => stack?.stop());

  /** Posts to the app and returns the stored rows, in the order of the payloads. */
  async function stored(apiKey: string, payloads: { body: object; headers?: Record<string, string> }[]) {
    const ids: string[] = [];
    for (const { body, headers } of payloads) {
      const answer = await call(`${stack.url}/api/analytics/collect`, { key: apiKey, body, headers });
      expect(answer).toMatchObject({ status: 202 });
      ids.push(answer.body.id);
    }
    await stack.drained();
    return Promise.all(
      ids.map(async (id) => {
        const sql = 'SELECT * FROM events WHERE id = UNHEX(?)';
        const [row] = await stack.query<Record<string, unknown>>(sql, [id.replaceAll('-', '')]);
        return row!;
      }),
    );
  }

  test.each([
    ['web', 'bot'],
    ['ios', 'mobile'],
    ['android', 'mobile'],
    ['server', 'other'],
    [undefined, 'other'],
  ])('an HTTP library in an app of platform %s is %s', async (platform, device) => {
    const app = await registerApp(stack.url, ann, platform ? { platform } : {});
    const rows = await stored(app.apiKey, [
      { body: { event: 'x' }, headers: { 'user-agent': OKHTTP } },
      { body: { event: 'x', userAgent: OKHTTP } },
      { body: { event: 'x', userAgent: OKHTTP, device: 'tablet' } },
    ]);
    expect(rows.map((row) => row.device)).toEqual([device, device, 'tablet']);
  });

  test('a changed platform counts from the next event on', async () => {
    const app = await registerApp(stack.url, ann, { platform: 'web' });
    const body = { platform: 'ios' };
    const changed = await call(`${stack.url}/api/apps/${app.id}`, { method: 'PATCH', token: ann.accessToken, body });
    expect(changed.status).toBe(200);
    const [row] = await stored(app.apiKey, [{ body: { event: 'x', userAgent: OKHTTP } }]);
    expect(row!.device).toBe('mobile');
  });

  describe('addresses', () => {
    const IPV4 = ['203.0.113.9', '203.0.113.9:1111', '203.0.113.9:1112', '"203.0.113.9:5"', '::ffff:203.0.113.9'];
    const IPV6 = [
      '2001:db8::7',
      '[2001:db8::7]:443',
      '[2001:DB8:0::7]:444',
      '2001:0db8:0000::0007',
      '2001:db8::7%eth0',
      '2001:db8::7%br-lan',
      '[2001:db8::7%eth0.100]:443',
      '"[2001:db8::7%25eth0.100]:443"',
    ];

    test.each([
      ['IPv4', IPV4, '203.0.113.0'],
      ['IPv6', IPV6, '2001:db8::'],
    ])(
      'all spellings of one %s address in a header are one visitor, whose address is stored',
      async (_kind, all, ip) => {
        const app = await registerApp(stack.url, ann);
        const headers: Record<string, string>[] = [
          ...all.map((address) => ({ 'x-forwarded-for': address })),
          { forwarded: `for="${all[1]}";proto=https` },
          { forwarded: `host="a;for=192.0.2.1";for="${all[1]!.replaceAll(':', String.raw`\:`)}"` },
          { 'x-forwarded-for': all[1]!, forwarded: 'for=192.0.2.1' },
        ];
        const rows = await stored(
          app.apiKey,
          headers.map((one) => ({ body: { event: 'x' }, headers: one })),
        );
        expect(new Set(rows.map(({ user_key: key }) => (key as Buffer).toString('hex'))).size).toBe(1);
        expect(new Set(rows.map((row) => row.ip))).toEqual(new Set([ip]));
      },
    );

    test('and so are those in payloads, which are kept whole', async () => {
      const app = await registerApp(stack.url, ann);
      const spellings = ['203.0.113.9', '::ffff:203.0.113.9', '::FFFF:CB00:7109', '0:0:0:0:0:ffff:203.0.113.9'];
      const rows = await stored(app.apiKey, [
        ...spellings.map((ipAddress) => ({ body: { event: 'x', ipAddress } })),
        { body: { event: 'x' }, headers: { 'x-forwarded-for': '203.0.113.9:80' } },
        { body: { event: 'x', ipAddress: '2001:0DB8:0::0007' } },
      ]);
      const keys = rows.map(({ user_key: key }) => (key as Buffer).toString('hex'));
      expect(new Set(keys.slice(0, 5)).size).toBe(1);
      expect(keys[5]).not.toBe(keys[0]);
      expect(rows.map((row) => row.ip)).toEqual([...spellings.map(() => '203.0.113.9'), '203.0.113.0', '2001:db8::7']);
    });

    test('an address with any zone is answered on every route', async () => {
      const zones = ['br-lan', 'eth0.100', '25eth0.100', 'eth_0', 'a:b', '%'];
      for (const zone of zones) {
        for (const headers of <Record<string, string>[]>[
          { 'x-forwarded-for': `fe80::1%${zone}` },
          { 'x-forwarded-for': `[fe80::1%${zone}]:443` },
          { forwarded: `for="[fe80::1%${zone}]:443"` },
        ]) {
          const { status } = await fetch(`${stack.url}/health`, { headers });
          expect([headers, status]).toEqual([headers, 200]);
        }
      }
    });

    test('another spelling of the address is the same event again', async () => {
      const app = await registerApp(stack.url, ann);
      const event = { event: 'x', eventId: 'same-address', timestamp: '2026-01-01T00:00:00Z' };
      await stored(app.apiKey, [
        { body: { ...event, ipAddress: '203.0.113.9' } },
        { body: { ...event, ipAddress: '::ffff:203.0.113.9' } },
      ]);
      const letters = await stack.query('SELECT * FROM dead_letters WHERE app_id = UNHEX(?)', [
        app.id.replaceAll('-', ''),
      ]);
      expect(letters).toEqual([]);
    });
  });

  test('a path may end in a slash', async () => {
    const app = await registerApp(stack.url, ann);
    const event = { event: 'x' };
    for (const [path, body] of [
      ['/collect/', event],
      ['/collect/batch/', { events: [event] }],
      ['/api/analytics/collect/', event],
    ] as const) {
      const answer = await call(`${stack.url}${path}`, { key: app.apiKey, body });
      expect([path, answer.status]).toEqual([path, 202]);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      const text = await call(`${stack.url}${path}?a=1`, {
        body: JSON.stringify({ ...body, apiKey: app.apiKey }),
        headers: { 'content-type': 'text/plain' },
      });
      expect([path, text.status]).toEqual([path, 202]);
      const preflight = await fetch(`${stack.url}${path}`, { method: 'OPTIONS' });
      expect([path, preflight.status]).toEqual([path, 204]);
    }
  });

  test('a wrong type, and two names of one field, are refused by name; a leap second is taken', async () => {
    const app = await registerApp(stack.url, ann);
    const post = (body: object) => call(`${stack.url}/collect`, { key: app.apiKey, body });
    const number = await post({ event: 'x', userId: 42 });
    expect([number.status, number.body.errors]).toEqual([400, [{ field: 'userId', message: 'must be a string' }]]);
    const both = await post({ event: 'x', metadata: { a: 1 }, properties: { b: 2 } });
    expect([both.status, both.body.errors[0].field]).toEqual([400, 'properties']);
    const [leap] = await stored(app.apiKey, [{ body: { event: 'x', timestamp: '2016-12-31T23:59:60Z' } }]);
    expect((leap!.occurred_at as Date).toISOString()).toBe('2016-12-31T23:59:59.999Z');
  });

  test('a key of metadata that holds a colon can be filtered by', async () => {
    const app = await registerApp(stack.url, ann);
    const metadata = [{ 'og:type': 'article:x' }, { 'og:type': 'video' }, { og: 'type:article:x' }];
    await stored(
      app.apiKey,
      metadata.map((one) => ({ body: { event: 'x', metadata: one } })),
    );
    const count = async (...filters: string[]): Promise<number> => {
      const query = filters.map((filter) => `&metadata=${encodeURIComponent(filter)}`).join('');
      const url = `${stack.url}/api/analytics/breakdown?by=event&app_id=${app.id}${query}`;
      const { status, body } = await call(url, { token: ann.accessToken });
      expect([status, body.code]).toEqual([200, undefined]);
      return (body.data as { count: number }[]).reduce((sum, row) => sum + row.count, 0);
    };
    expect(await count(String.raw`og\:type:article:x`)).toBe(1);
    expect(await count(String.raw`og\:type:article:x`, String.raw`og\:type:video`)).toBe(2);
    expect(await count('og:type:article:x')).toBe(1);
    expect(await count(String.raw`og\:type:article:x`, 'og:type:article:x')).toBe(0);
  });

  test('secrets of dates that have ended everywhere are deleted, those of dates in use somewhere are there', async () => {
    const days = (await stack.query<{ day: string }>('SELECT day FROM visitor_secrets')).map(({ day }) => day);
    expect(days).not.toContain(date(-72));
    // Baker Island, Greenwich, Kiritimati, and Kiritimati tomorrow.
    for (const hours of [-12, 0, 14, 38]) expect(days).toContain(date(hours));
  });

  // The last one here: it leaves the address of this machine over its limit.
  test('a new port, or a text that is no address, is no way around the limit of an address', async () => {
    for (const address of [(i: number) => `203.0.113.77:${1000 + i}`, (i: number) => `nobody-${i}`]) {
      const app = await registerApp(stack.url, ann);
      const posts = Array.from({ length: 8 }, (_none, i) =>
        call(`${stack.url}/api/analytics/collect/batch`, {
          key: app.apiKey,
          headers: { 'x-forwarded-for': address(i) },
          body: { events: Array.from({ length: 40 }, () => ({ event: 'x' })) },
        }),
      );
      const refused = (await Promise.all(posts)).filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(0);
      expect(refused[0]!.body.detail).toContain('for this address');
    }
  });
});

test('a visitor counts once a day of the app’s time zone: 23:50 and 00:10 UTC are one day in Los Angeles', async () => {
  const DAY = 24 * 60 * 60_000;
  const midnight = Math.floor(Date.now() / DAY) * DAY;
  // No process with another clock shares its database: that would delete yesterday's secret.
  const stack = await startStack({ apis: 0 });
  try {
    for (const clock of [midnight - 10 * 60_000, midnight + 10 * 60_000]) {
      await stack.startApi({
        NODE_OPTIONS: '--import ./test/support/shifted-clock.mjs',
        CLOCK_AHEAD_MS: String(clock - Date.now()),
      });
    }
    const ann = await signIn(stack.url);
    const users: Record<string, number> = {};
    for (const timeZone of ['America/Los_Angeles', 'UTC', 'Pacific/Kiritimati', 'Etc/GMT+12']) {
      const app = await registerApp(stack.url, ann, { timeZone });
      for (const { url } of stack.apis) {
        const answer = await call(`${url}/collect`, { key: app.apiKey, body: { event: 'visit' } });
        expect(answer.status).toBe(202);
      }
      await stack.drained();
      const sql = 'SELECT COUNT(DISTINCT user_key) AS n FROM events WHERE app_id = UNHEX(?)';
      const [row] = await stack.query<{ n: string }>(sql, [app.id.replaceAll('-', '')]);
      users[timeZone] = Number(row!.n);
    }
    expect(users).toEqual({ 'America/Los_Angeles': 1, UTC: 2, 'Pacific/Kiritimati': 1, 'Etc/GMT+12': 1 });
  } finally {
    await stack.stop();
  }
});

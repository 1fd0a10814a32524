import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { formatUuid, uuidV7 } from '../../src/events/event-id.js';
import { call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const MIB = 1024 * 1024;
const DAY = 86_400_000;
const at = (ms: number) => new Date(Date.now() + ms).toISOString();
const nested = (depth: number, leaf = '1') => `${'{"a":'.repeat(depth)}${leaf}${'}'.repeat(depth)}`;
const withMetadata = (json: string) => `{"event":"x","metadata":${json}}`;
const id = (ms: number) => formatUuid(uuidV7(ms));

/** What is sent as a single event; the status, and the field that the answer must name. */
type Hostile = [what: string, body: unknown, status: number, field?: string];

const EVENTS: Hostile[] = [
  ['no event', {}, 400, 'event'],
  ['null event', { event: null }, 400, 'event'],
  ['empty event', { event: '' }, 400, 'event'],
  ['long event', { event: 'x'.repeat(129) }, 400, 'event'],
  ['emoji beyond the limit', { event: '😀'.repeat(129) }, 400, 'event'],
  ['event as a list', { event: ['x'] }, 400, 'event'],
  ['event as an object', { event: { $ne: 1 } }, 400, 'event'],
  ['event as a number', { event: 1 }, 400, 'event'],
  ['event as a boolean', { event: true }, 400, 'event'],
  ['NUL', { event: 'a\0b' }, 400, 'event'],
  ['a lone surrogate', '{"event":"\\ud800"}', 400, 'event'],
  ['a lone low surrogate', '{"event":"x","userId":"\\udc00"}', 400, 'userId'],
  ['long userId', { event: 'x', userId: 'u'.repeat(129) }, 400, 'userId'],
  ['empty userId', { event: 'x', userId: '' }, 400, 'userId'],
  ['userId as a number', { event: 'x', userId: 7 }, 400, 'userId'],
  ['userId as a list', { event: 'x', user_id: ['a', 'b'] }, 400, 'userId'],
  ['long metadata.userId', { event: 'x', metadata: { userId: 'u'.repeat(129) } }, 400, 'metadata.userId'],
  ['NUL in metadata.userId', { event: 'x', metadata: { userId: 'a\0' } }, 400, 'metadata.userId'],
  ['long anonymousId', { event: 'x', anonymousId: 'u'.repeat(129) }, 400, 'anonymousId'],
  ['long sessionId', { event: 'x', sessionId: 'u'.repeat(129) }, 400, 'sessionId'],
  ['long url', { event: 'x', url: `https://e.test/${'x'.repeat(2048)}` }, 400, 'url'],
  ['url as an object', { event: 'x', url: {} }, 400, 'url'],
  ['long referrer', { event: 'x', referrer: 'x'.repeat(2049) }, 400, 'referrer'],
  ['long userAgent', { event: 'x', userAgent: 'x'.repeat(513) }, 400, 'userAgent'],
  ['device as a number', { event: 'x', device: 1 }, 400, 'device'],
  ['no address', { event: 'x', ipAddress: '999.1.1.1' }, 400, 'ipAddress'],
  ['an address with a script', { event: 'x', ipAddress: '1.1.1.1<script>' }, 400, 'ipAddress'],
  ['long eventId', { event: 'x', eventId: 'e'.repeat(129), timestamp: at(0) }, 400, 'eventId'],
  ['eventId as a number', { event: 'x', eventId: 5, timestamp: at(0) }, 400, 'eventId'],
  ['eventId without timestamp', { event: 'x', eventId: 'order 1' }, 400, 'timestamp'],
  ['a UUIDv7 of the far future', { event: 'x', eventId: id(Date.now() + DAY) }, 400, 'eventId'],
  ['a UUIDv7 of 1970', { event: 'x', eventId: id(1) }, 400, 'eventId'],
  ['30 February', { event: 'x', timestamp: '2024-02-30T00:00:00Z' }, 400, 'timestamp'],
  ['month 13', { event: 'x', timestamp: '2024-13-01T00:00:00Z' }, 400, 'timestamp'],
  ['hour 25', { event: 'x', timestamp: '2024-01-01T25:00:00Z' }, 400, 'timestamp'],
  ['no zone', { event: 'x', timestamp: '2024-01-01T00:00:00' }, 400, 'timestamp'],
  ['zero', { event: 'x', timestamp: '0' }, 400, 'timestamp'],
  ['a number', { event: 'x', timestamp: 1_700_000_000 }, 400, 'timestamp'],
  ['year 0', { event: 'x', timestamp: '0000-01-01T00:00:00Z' }, 400, 'timestamp'],
  ['year 275761', { event: 'x', timestamp: '+275761-01-01T00:00:00Z' }, 400, 'timestamp'],
  ['1979', { event: 'x', timestamp: '1979-12-31T23:59:59Z' }, 400, 'timestamp'],
  ['11 minutes ahead', { event: 'x', timestamp: at(11 * 60_000) }, 400, 'timestamp'],
  ['9999', { event: 'x', timestamp: '9999-12-31T23:59:59Z' }, 400, 'timestamp'],
  ['sentAt as words', { event: 'x', sentAt: 'now' }, 400, 'sentAt'],
  ['metadata as a list', { event: 'x', metadata: [1] }, 400, 'metadata'],
  ['metadata as text', { event: 'x', metadata: '{}' }, 400, 'metadata'],
  ['metadata as a number', { event: 'x', metadata: 1 }, 400, 'metadata'],
  ['metadata 17 deep', withMetadata(nested(17)), 400, 'metadata'],
  ['metadata 5,000 deep', withMetadata(nested(5000)), 400, 'metadata'],
  ['lists 100,000 deep', withMetadata(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 400],
  ['33 KiB of metadata', { event: 'x', metadata: { a: 'x'.repeat(33 * 1024) } }, 400, 'metadata'],
  [
    '40,000 keys',
    { event: 'x', metadata: Object.fromEntries(Array.from({ length: 40_000 }, (_n, i) => [`k${i}`, 1])) },
    400,
    'metadata',
  ],
  ['1e999', withMetadata('{"a":1e999}'), 400, 'metadata'],
  ['2^53', withMetadata('{"a":9007199254740992}'), 400, 'metadata'],
  ['a surrogate as a key', withMetadata('{"\\ud800":1}'), 400, 'metadata'],
  ['properties as a list', { event: 'x', properties: [] }, 400, 'properties'],
  ['129 characters, half of which are variation selectors', { event: `${'☎\ufe0f'.repeat(64)}x` }, 400, 'event'],
  ['an address with a zone', { event: 'x', ipAddress: 'fe80::1%eth0' }, 400, 'ipAddress'],
  ['an address with an endless zone', { event: 'x', ipAddress: `fe80::1%${'x'.repeat(3000)}` }, 400, 'ipAddress'],
  ['unknown field', { event: 'x', evnet: 'x' }, 400, 'evnet'],
  ['an operator', { event: 'x', $where: 'sleep(1000)' }, 400, '$where'],
  [
    '10,000 unknown fields',
    Object.fromEntries([['event', 'x'], ...Array.from({ length: 10_000 }, (_n, i) => [`f${i}`, i])]),
    400,
  ],
  ['__proto__', '{"event":"x","__proto__":{"admin":true}}', 400],
  ['constructor.prototype', '{"event":"x","constructor":{"prototype":{"admin":true}}}', 400],
  ['__proto__ in metadata', withMetadata('{"__proto__":{"admin":true}}'), 400],
  ['no JSON', '{"event":', 400],
  ['a comment', '{"event":"x"/* */}', 400],
  ['NaN', withMetadata('{"a":NaN}'), 400],
  ['text after JSON', '{"event":"x"}{"event":"y"}', 400],
  ['a number', '5', 400],
  ['a string', '"event"', 400],
  ['null', 'null', 400],
  ['a list', '[{"event":"x"}]', 400],
  ['nothing', '', 400],
  ['white space', '   ', 400],
  ['bytes that are no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400],
  ['4 MB of text', JSON.stringify({ event: 'x', url: 'x'.repeat(4 * MIB) }), 413],
  ['15 MB of text', JSON.stringify({ event: 'x', url: 'x'.repeat(15 * MIB) }), 413],
];

const HEADERS: [what: string, headers: Record<string, string>, body: string | Uint8Array, status: number][] = [
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'event=x', 415],
  ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', 415],
  ['XML', { 'content-type': 'application/xml' }, '<event/>', 415],
  ['a type that is none', { 'content-type': 'json' }, '{"event":"x"}', 415],
  ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }, '{"event":"x"}', 415],
  ['text that is no JSON', { 'content-type': 'text/plain' }, 'event', 400],
  ['a bomb', { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(200 * MIB, 0x20)), 413],
  ['a bomb in a string', { 'content-encoding': 'gzip' }, gzipSync(`{"event":"${'x'.repeat(50 * MIB)}"}`), 413],
  ['gzip that is none', { 'content-encoding': 'gzip' }, '{"event":"x"}', 400],
  ['gzip cut short', { 'content-encoding': 'gzip' }, gzipSync('{"event":"x"}').subarray(0, 15), 400],
  ['an encoding nobody knows', { 'content-encoding': 'lzma' }, '{"event":"x"}', 415],
  ['brotli', { 'content-encoding': 'br' }, '{"event":"x"}', 415],
];

const BATCHES: Hostile[] = [
  ['no events', {}, 400, 'events'],
  ['events as an object', { events: { event: 'x' } }, 400, 'events'],
  ['events as text', { events: 'x' }, 400, 'events'],
  ['an empty list', { events: [] }, 400, 'events'],
  ['1,001 events', { events: Array.from({ length: 1001 }, () => ({ event: 'x' })) }, 400, 'events'],
  ['only bad ones', { events: [1, null, 'x', [], {}] }, 400],
  ['sentAt as a number', { events: [{ event: 'x' }], sentAt: 5 }, 400, 'sentAt'],
  ['an unknown field', { events: [{ event: 'x' }], batch: 1 }, 400, 'batch'],
];

/** GET as a person, from /api on. */
const QUERIES: [path: string, status: number, field?: string][] = [
  ['/analytics/event-summary?startDate=2024-02-30', 400, 'startDate'],
  ['/analytics/event-summary?startDate=yesterday', 400, 'startDate'],
  ['/analytics/event-summary?startDate=2024-03-02&endDate=2024-03-01', 400],
  ['/analytics/event-summary?startDate=2024-03-01T00:07:00Z&endDate=2024-03-02T00:00:00Z', 400],
  ['/analytics/event-summary?startDate=a&startDate=b', 400, 'startDate'],
  ['/analytics/event-summary?startDate[$gt]=1', 400],
  ['/analytics/event-summary?event[]=x', 400],
  ['/analytics/event-summary?event=a&event=b', 400, 'event'],
  ["/analytics/event-summary?timezone=Mars/Base' OR 1=1", 400, 'timezone'],
  ['/analytics/event-summary?timezone=Europe/../../etc/passwd', 400, 'timezone'],
  ['/analytics/event-summary?app_id=1', 404],
  [`/analytics/event-summary?event=${'x'.repeat(5000)}`, 400, 'event'],
  ['/analytics/event-summary?limit=-1', 400, 'limit'],
  ['/analytics/user-stats', 400, 'userId'],
  ['/analytics/user-stats?userId=', 400, 'userId'],
  [`/analytics/user-stats?userId=${'u'.repeat(129)}`, 400, 'userId'],
  ['/analytics/events/..%2f..%2fetc/receipt', 404],
  ['/analytics/events/%ff/receipt', 400],
  [`/analytics/events/${'9'.repeat(400)}/receipt`, 404],
  ['/apps/1', 404],
  ["/apps/' OR ''='", 404],
  ['/auth/api-key', 400, 'appId'],
  ['/auth/api-key?app_id=1', 400, 'appId'],
  ['/apps/{app}/dead-letters?code=%EF%BF%BD', 400, 'code'],
  ['/auth/audit-log?limit=0', 400, 'limit'],
  ['/auth/audit-log?limit=1e9', 400, 'limit'],
  ['/auth/audit-log?limit=-5', 400, 'limit'],
  ['/auth/audit-log?limit=NaN', 400, 'limit'],
  ['/auth/audit-log?cursor=x', 400, 'cursor'],
  ['/auth/audit-log?offset=5', 400, 'offset'],
  ['/erasures/1', 404],
];

describe('hostile input', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  let readKey: string;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    readKey = (await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] })).apiKey;
    // What a process takes once, it takes before it is measured.
    for (let i = 0; i < 20; i += 1) await post({ event: 'x', url: 'x'.repeat(2000) });
  });
  afterAll(() => stack?.stop());

  const post = (body: unknown, headers: Record<string, string> = {}, path = '/api/analytics/collect') =>
    call(`${stack.url}${path}`, { key: app.apiKey, body, headers });
  const memory = (): number => {
    const status = readFileSync(`/proc/${stack.apis[0]!.process.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) * 1024;
  };
  const problem = (answer: Awaited<ReturnType<typeof call>>, status: number, field?: string) => {
    const { status: got, body } = answer;
    expect([got, body.status, answer.headers.get('content-type')]).toEqual([
      status,
      status,
      expect.stringContaining('application/problem+json'),
    ]);
    const text = JSON.stringify(body);
    expect(text.length).toBeLessThan(20_000);
    expect(text).not.toMatch(/\.js:\d|node_modules|SELECT |mysql|ioredis/i);
    if (field) expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
  };
  const fine = async () => expect((await post({ event: 'fine' })).status).toBe(202);

  test('the table has at least 80 rows', () => {
    expect(EVENTS.length + HEADERS.length + BATCHES.length + QUERIES.length).toBeGreaterThanOrEqual(80);
  });

  // Rest parameters: a row without a field must not make Jest wait for a callback.
  test.each(EVENTS)('an event: %s', async (...[, body, status, field]: Hostile) => {
    problem(await post(body), status, field);
    await fine();
  });

  test.each(HEADERS)('headers: %s', async (_what, headers, body, status) => {
    problem(await post(body, headers), status);
    await fine();
  });

  test.each(BATCHES)('a batch: %s', async (...[, body, status, field]: Hostile) => {
    problem(await post(body, {}, '/api/analytics/collect/batch'), status, field);
    await fine();
  });

  test.each(QUERIES)('a question: %s', async (...[path, status, field]: (typeof QUERIES)[number]) => {
    problem(await call(`${stack.url}/api${path.replace('{app}', app.id)}`, { token: ann.accessToken }), status, field);
    await fine();
  });

  test('a batch in which everything is wrong is answered shortly', async () => {
    const strangers = Object.fromEntries(Array.from({ length: 51 }, (_n, i) => [`evnt${i}`, 0]));
    const events = Array.from({ length: 1000 }, () => ({ event: 'x', ...strangers }));
    const all = await post({ events }, {}, '/api/analytics/collect/batch');
    expect(all.status).toBe(400);
    expect(JSON.stringify(all.body).length).toBeLessThan(200_000);
    const some = await post({ events: [{ event: 'x' }, ...events.slice(1)] }, {}, '/api/analytics/collect/batch');
    expect(some.status).toBe(202);
    expect(JSON.stringify(some.body).length).toBeLessThan(200_000);
    const rejected = some.body.rejected as { index: number; errors: { field: string }[] }[];
    expect(rejected.map(({ index }) => index)).toEqual(Array.from({ length: 999 }, (_n, i) => i + 1));
    expect(rejected.every(({ errors }) => errors.length > 0)).toBe(true);
    expect(rejected[0]!.errors.map(({ field }) => field)).toEqual(Object.keys(strangers).slice(0, 50));
  });

  test('what looks hostile and is only text is kept as it is', async () => {
    const texts = [
      "'; DROP TABLE events; --",
      '<script>alert(1)</script>',
      '=1+1',
      '😀'.repeat(128),
      'User1 ',
      '%00',
      '../../etc',
    ];
    for (const event of texts) expect([event, (await post({ event, userId: event })).status]).toEqual([event, 202]);
    await stack.drained();
    for (const event of texts) {
      const { body } = await call(`${stack.url}/analytics/event-summary?event=${encodeURIComponent(event)}`, {
        key: readKey,
      });
      expect([event, body.count, body.uniqueUsers]).toEqual([event, 1, 1]);
    }
    // Of two values under one name the last counts, as JSON.parse has it.
    expect((await post('{"event":"first","event":"second"}')).status).toBe(202);
  });

  test('floods of headers and long addresses are refused, and the next request is fine', async () => {
    // Where it is refused before it was read, the connection may be gone before the answer is.
    const raw = (path: string, headers: Record<string, string>): Promise<number | 'closed'> =>
      new Promise((resolve) => {
        const sent = request(`${stack.url}${path}`, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode!);
        });
        sent.on('error', () => resolve('closed'));
        sent.end();
      });
    const many = Object.fromEntries(Array.from({ length: 500 }, (_n, i) => [`x-flood-${i}`, 'x'.repeat(100)]));
    expect([431, 'closed']).toContain(await raw('/health', many));
    expect([431, 'closed']).toContain(await raw('/health', { 'x-big': 'x'.repeat(20_000) }));
    expect([431, 'closed']).toContain(await raw(`/${'x'.repeat(20_000)}`, {}));
    expect(await raw('/health', { 'x-forwarded-for': Array.from({ length: 500 }, () => '1.2.3.4').join(', ') })).toBe(
      200,
    );
    await fine();
  });

  test('memory stays flat: 60 bombs and 60 bodies of 4 MB later it is where it was', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * MIB, 0x20));
    const big = JSON.stringify({ event: 'x', url: 'x'.repeat(4 * MIB) });
    const round = async (): Promise<void> => {
      for (let i = 0; i < 10; i += 1) {
        await Promise.all([
          ...Array.from({ length: 3 }, () => post(bomb, { 'content-encoding': 'gzip' })),
          ...Array.from({ length: 3 }, () => post(big)),
        ]);
      }
    };
    await round();
    const before = memory();
    await round();
    expect(memory() - before).toBeLessThan(64 * MIB);
    // What was thrown away counts against the key's bytes of this second.
    await until(async () => (await post({ event: 'fine' })).status === 202, 'the key to be taken again');
  });
});

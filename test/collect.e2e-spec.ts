import { gzipSync } from 'node:zlib';
import { uuidV7, uuidV7Time } from '../src/events/event-id.js';
import { SAMPLE_EVENT as SAMPLE } from './plain/sample-event.js';
import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

describe('collect', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string; keyId: string };
  let collect: string;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    collect = `${stack.url}/api/analytics/collect`;
  });
  afterAll(() => stack?.stop());

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    call(collect, { key: app.apiKey, body, headers });
  const stored = (id: string) =>
    stack.query<Record<string, unknown>>('SELECT * FROM events WHERE id = UNHEX(?)', [id.replaceAll('-', '')]);

  describe('one event', () => {
    test('the sample payload is accepted and counted as it stands', async () => {
      const { status, body } = await post(SAMPLE);
      expect(status).toBe(202);
      expect(body).toEqual({ eventId: body.id, id: expect.any(String), receivedAt: expect.any(String) });
      expect(uuidV7Time(body.id)).toBe(Date.parse(SAMPLE.timestamp));
      await stack.drained();
      const [row] = await stored(body.id);
      expect(row).toMatchObject({ device: 'mobile', browser: 'Chrome', os: 'Android', ip: '192.168.1.1' });
      expect(JSON.parse(row!.metadata as string)).toEqual(SAMPLE.metadata);
    });

    test('eventId comes back as sent, and a retry has the same id and counts once', async () => {
      const event = { ...SAMPLE, eventId: 'order-1' };
      const [first, second] = [await post(event), await post({ ...event, sentAt: new Date().toISOString() })];
      expect([first.status, second.status]).toEqual([202, 202]);
      expect(first.body.eventId).toBe('order-1');
      expect(second.body.id).toBe(first.body.id);
      await stack.drained();
      expect(await stored(first.body.id)).toHaveLength(1);
      const dead = await stack.query('SELECT * FROM dead_letters');
      expect(dead).toEqual([]);
    });

    test('another app’s event with the same eventId is another event', async () => {
      const other = await registerApp(stack.url, await signIn(stack.url, 'bob@example.test'));
      const event = { event: 'x', eventId: 'shared', timestamp: '2026-01-01T00:00:00Z' };
      const mine = await post(event);
      const theirs = await call(collect, { key: other.apiKey, body: event });
      expect(theirs.body.id).not.toBe(mine.body.id);
      await stack.drained();
      expect(await stored(mine.body.id)).toHaveLength(1);
      expect(await stored(theirs.body.id)).toHaveLength(1);
    });

    test('the key may come as x-api-key, bearer or apiKey in the body, with white space in it; it is not stored', async () => {
      const spaced = app.apiKey.replace(/(.{40})/g, '$1\n  ');
      const answers = [
        await call(collect, { key: app.apiKey, body: { event: 'x' } }),
        await call(collect, { token: app.apiKey, body: { event: 'x' } }),
        await call(collect, { body: { event: 'x', apiKey: spaced } }),
        await call(collect, { body: { event: 'x', api_key: app.apiKey } }),
        await call(`${stack.url}/collect`, { body: { event: 'x', apiKey: app.apiKey } }),
      ];
      expect(answers.map((answer) => answer.status)).toEqual([202, 202, 202, 202, 202]);
      await stack.drained();
      const [kept] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events WHERE metadata LIKE ?', [
        `%${app.apiKey.slice(0, 30)}%`,
      ]);
      expect(Number(kept!.n)).toBe(0);
    });

    test('a visitor without ids counts once a day: one user for one address and User-Agent', async () => {
      const visit = (userAgent: string) => post({ event: 'visit' }, { 'user-agent': userAgent });
      const answers = [await visit('Firefox A'), await visit('Firefox A'), await visit('Firefox B')];
      await stack.drained();
      const keys = await Promise.all(answers.map(async ({ body }) => (await stored(body.id))[0]!.user_key as Buffer));
      expect(keys[0]).toEqual(keys[1]);
      expect(keys[0]).not.toEqual(keys[2]);
    });

    test('the connection’s address is truncated before it is stored', async () => {
      const { body } = await post({ event: 'x' }, { 'x-forwarded-for': '203.0.113.77' });
      await stack.drained();
      expect((await stored(body.id))[0]!.ip).toBe('203.0.113.0');
    });
  });

  describe('a batch', () => {
    const batch = (body: unknown, headers: Record<string, string> = {}) =>
      call(`${collect}/batch`, { key: app.apiKey, body, headers });

    test('keeps the good ones and names the others', async () => {
      const events = [SAMPLE, { event: '' }, { event: 'b', eventId: 'b1' }, 'text', { ...SAMPLE, apiKey: 'x' }];
      const { status, body } = await batch({ events });
      expect(status).toBe(202);
      expect(body.accepted).toBe(1);
      expect(body.events).toHaveLength(1);
      expect(body.rejected.map(({ index, code }: { index: number; code: string }) => [index, code])).toEqual([
        [1, 'invalid_input'],
        [2, 'event_id_needs_timestamp'],
        [3, 'invalid_input'],
        [4, 'invalid_input'],
      ]);
      expect(body.rejected[0].errors[0].field).toBe('event');
    });

    test('states the server’s time where it refuses the time of an event', async () => {
      const old = { event: 'x', timestamp: '1970-01-01T00:00:00Z' };
      const near = (time: string) => expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(10_000);
      const some = (await batch({ events: [SAMPLE, old, { event: '' }] })).body.rejected;
      near(some[0].serverTime);
      expect(some[1].serverTime).toBeUndefined();
      near((await batch({ events: [old] })).body.serverTime);
      near((await call(collect, { key: app.apiKey, body: old })).body.serverTime);
    });

    test('with no good one is a 400 that names every bad field', async () => {
      const { status, body } = await batch({ events: [{ event: '' }, {}] });
      expect(status).toBe(400);
      expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(['events[0].event', 'events[1].event']);
    });

    test('is taken gzipped, up to 1 MiB inflated', async () => {
      const small = gzipSync(JSON.stringify({ events: Array.from({ length: 1000 }, () => ({ event: 'zipped' })) }));
      const zipped = await batch(small, { 'content-encoding': 'gzip' });
      expect([zipped.status, zipped.body.accepted]).toEqual([202, 1000]);
      const bomb = gzipSync(JSON.stringify({ events: [{ event: 'x', metadata: { a: 'x'.repeat(2 << 20) } }] }));
      expect(bomb.length).toBeLessThan(10_000);
      expect((await batch(bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
    });

    test.each([
      [{ events: [] }, 'events'],
      [{ events: Array.from({ length: 1001 }, () => ({ event: 'x' })) }, 'events'],
      [{ events: {} }, 'events'],
      [{}, 'events'],
      [{ events: [SAMPLE], sentAt: 'yesterday' }, 'sentAt'],
    ])('a wrong batch is a 400 that names the field (%#)', async (body, field) => {
      const answer = await batch(body);
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].field).toBe(field);
    });
  });

  describe('what it will not take', () => {
    test.each([
      ['no JSON', '{"event":', {}, 400, 'invalid_json'],
      ['no body', '', {}, 400, 'body_missing'],
      ['an array', '[]', {}, 400, 'invalid_input'],
      ['__proto__', '{"event":"x","__proto__":{"a":1}}', {}, 400, 'invalid_json'],
      [
        'another type',
        'event=x',
        { 'content-type': 'application/x-www-form-urlencoded' },
        415,
        'unsupported_media_type',
      ],
      ['2 MB', JSON.stringify({ event: 'x', url: 'x'.repeat(2 << 20) }), {}, 413, 'body_too_large'],
    ])('%s', async (_what, body, headers, status, code) => {
      const answer = await post(body, headers as Record<string, string>);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ status, title: expect.any(String), requestId: expect.any(String) });
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    });

    test('every bad field is named', async () => {
      const { body } = await post({ event: 5, timestamp: 'now', favourite: 1 });
      expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
        'event',
        'favourite',
        'timestamp',
      ]);
    });

    test('tokens: missing, malformed, of the other kind, revoked, without the scope, from another origin', async () => {
      const reader = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
      const bound = await createKey(stack.url, ann, { appId: app.id, allowedOrigins: ['https://shop.example'] });
      const dead = await createKey(stack.url, ann, { appId: app.id });
      await call(`${stack.url}/api/auth/revoke`, { token: ann.accessToken, body: { keyId: dead.keyId } });
      const cookie = `${Object.entries(ann.cookies)
        .map(([name, value]) => `${name}=${value}`)
        .join('; ')}`;
      const event = { event: 'x' };
      const codes = await Promise.all([
        call(collect, { body: event, headers: { cookie } }),
        call(collect, { body: event, key: `${app.apiKey}x` }),
        call(collect, { body: event, key: 'x' }),
        call(collect, { body: event, token: ann.accessToken }),
        call(collect, { body: event, key: dead.apiKey }),
        call(collect, { body: event, key: reader.apiKey }),
        call(collect, { body: event, key: bound.apiKey }),
        call(collect, { body: event, key: bound.apiKey, headers: { origin: 'https://evil.example' } }),
        call(collect, { body: event, key: bound.apiKey, headers: { origin: 'https://shop.example' } }),
      ]);
      expect(codes.map(({ status, body }) => [status, body.code])).toEqual([
        [401, 'key_missing'],
        [401, 'key_malformed'],
        [401, 'key_malformed'],
        [401, 'wrong_token_kind'],
        [401, 'key_revoked'],
        [403, 'scope_missing'],
        [403, 'origin_not_allowed'],
        [403, 'origin_not_allowed'],
        [202, undefined],
      ]);
      expect(codes[5]!.body.detail).toContain('"write"');
    });
  });

  describe('CORS', () => {
    const preflight = (url: string) =>
      call(url, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://any.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-api-key',
        },
      });

    test('any page may post to the collect routes, short paths too, without credentials', async () => {
      for (const path of ['/api/analytics/collect', '/api/analytics/collect/batch', '/collect', '/collect/batch']) {
        const { status, headers } = await preflight(stack.url + path);
        expect(status).toBe(204);
        expect(headers.get('access-control-allow-origin')).toBe('*');
        expect(headers.get('access-control-allow-credentials')).toBeNull();
        expect(headers.get('access-control-allow-headers')).toBe(
          'content-type, content-encoding, x-api-key, authorization, x-request-id',
        );
      }
      const { headers } = await post({ event: 'x' }, { origin: 'https://any.example' });
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After');
      expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    });

    test('nothing else is for other origins', async () => {
      const { headers } = await preflight(`${stack.url}/api/apps`);
      expect(headers.get('access-control-allow-origin')).toBeNull();
    });

    test('JSON as text/plain or without a type (sendBeacon) is taken here only', async () => {
      const body = JSON.stringify({ event: 'beacon', apiKey: app.apiKey });
      for (const type of ['text/plain;charset=UTF-8', '']) {
        const headers = { 'content-type': type };
        expect((await call(`${stack.url}/collect`, { body, headers })).status).toBe(202);
        const elsewhere = await call(`${stack.url}/api/apps`, {
          body: '{"name":"x"}',
          headers,
          token: ann.accessToken,
        });
        expect(elsewhere.status).toBe(415);
      }
      // fetch sends no Content-Type with a Blob that has none.
      const post = (url: string) => fetch(url, { method: 'POST', body: new Blob([body]) });
      expect((await post(`${stack.url}/collect`)).status).toBe(202);
      expect((await post(`${stack.url}/api/apps`)).status).not.toBe(201);
    });
  });

  test('X-Request-Id is taken and returned, or made', async () => {
    const given = await post({ event: 'x' }, { 'x-request-id': 'mine-1' });
    expect(given.headers.get('x-request-id')).toBe('mine-1');
    const made = await post({ event: 'x' }, { 'x-request-id': 'not fit for a header {}' });
    expect(uuidV7Time(made.headers.get('x-request-id')!)).toBeDefined();
  });

  test('the metrics tell what was accepted, and what was refused by reason', async () => {
    await post({ event: '' });
    const { body } = await call(`${stack.url}/metrics`);
    expect(body).toMatch(/tallystone_events_accepted_total [1-9]/);
    expect(body).toMatch(/tallystone_events_rejected_total\{reason="invalid_input"\} [1-9]/);
    expect(body).toMatch(/tallystone_events_rejected_total\{reason="key_missing"\} [1-9]/);
  });

  test('an event with a UUIDv7 and no timestamp can be sent again', async () => {
    const event = { event: 'x', eventId: uuidV7(Date.now()) };
    const answers = [await post(event), await post(event)];
    expect(answers[0]!.body.id).toBe(answers[1]!.body.id);
  });
});

describe('rate limits', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      apis: 2,
      workers: 0,
      env: { RATE_LIMITS: 'key=20,account=30,address=1000,signin=1000' },
    });
  });
  afterAll(() => stack?.stop());

  test('count events, are shared by processes, and say when to come back', async () => {
    const ann = await signIn(stack.url);
    const app = await registerApp(stack.url, ann);
    const batch = (api: number, length: number, key: string) =>
      call(`${stack.apis[api]!.url}/api/analytics/collect/batch`, {
        key,
        body: { events: Array.from({ length }, () => ({ event: 'x' })) },
      });
    // Whatever second the first one falls into, the two together are over its limit or the third is.
    const answers = [await batch(0, 15, app.apiKey), await batch(1, 15, app.apiKey), await batch(0, 15, app.apiKey)];
    const refused = answers.find((answer) => answer.status === 429)!;
    expect(refused.body.code).toBe('rate_limited');
    expect(refused.body.detail).toContain('20 events a second for this key');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit-limit')).toBe('20');
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    const [kept] = [answers.filter((answer) => answer.status === 202).length];
    expect(await stack.pending()).toBe(kept * 15);
  });
});

describe('the buffer is full', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { BUFFER_MAX_BYTES: String(1024 * 1024) } });
  });
  afterAll(() => stack?.stop());

  test('503 with Retry-After; a worker makes room, and nothing that got a 202 is missing', async () => {
    const app = await registerApp(stack.url, await signIn(stack.url));
    const events = Array.from({ length: 200 }, () => ({ event: 'x', metadata: { text: 'x'.repeat(2000) } }));
    const batch = () => call(`${stack.url}/api/analytics/collect/batch`, { key: app.apiKey, body: { events } });
    let answer = await batch();
    let accepted = 0;
    for (; answer.status === 202; answer = await batch()) accepted += 200;
    expect([answer.status, answer.body.code]).toEqual([503, 'buffer_full']);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(accepted).toBeGreaterThanOrEqual(400);
    expect(accepted).toBeLessThan(1000);
    await stack.startWorker();
    await stack.drained();
    const [row] = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events');
    expect(Number(row!.n)).toBe(accepted);
  });
});

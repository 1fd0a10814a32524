import { gzipSync } from 'node:zlib';
import { DROP_REASONS, INGEST_STEPS, type IngestStep } from '../src/collect/ingest-steps.js';
import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

/** Events a second of a key: more than the tests post before they flood it. */
const KEY_LIMIT = 100;

describe('ingest', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    stack = await startStack({
      apis: 0,
      workers: 0,
      env: { RATE_LIMITS: `key=${KEY_LIMIT},account=100000,address=100000,signin=10000,bodies=10000` },
    });
    await stack.startApi({ NODE_OPTIONS: '--import ./test/tiny-format.mjs' });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    const about = { method: 'PATCH', token: ann.accessToken, body: { retentionDays: 30 } };
    await call(`${stack.url}/api/apps/${app.id}`, about);
  });
  afterAll(() => stack?.stop());

  const figures = async (url = stack.url): Promise<string> => (await call(`${url}/metrics`)).body as string;
  const counts = (text: string, name: string): Map<string, number> =>
    new Map(
      [...text.matchAll(/^(\w+)\{(.*)\} (\d+)$/gm)].flatMap(([, metric, labels, value]) =>
        metric === name ? [[labels!, Number(value)]] : [],
      ),
    );
  const requests = (text: string): number[] => [...counts(text, 'tallystone_ingest_step_seconds_count').values()];
  const post = (body: unknown, headers: Record<string, string> = {}, key = app.apiKey) =>
    call(`${stack.url}/collect`, { key, body, headers });

  test('the steps are named in their order, and each reports its duration', async () => {
    const before = await figures();
    const steps = [...counts(before, 'tallystone_ingest_step_seconds_count').keys()];
    expect(steps).toEqual(['key', 'parse', 'address', 'device', 'normalise', 'append'].map((step) => `step="${step}"`));
    expect((await post({ event: 'x' })).status).toBe(202);
    await call(`${stack.url}/collect/batch`, { key: app.apiKey, body: { events: [{ event: 'y' }, { event: '' }] } });
    const after = await figures();
    // A request counts once in each step, however many events it brings.
    expect(requests(after)).toEqual(requests(before).map((count) => count + 2));
    for (const step of INGEST_STEPS) {
      const buckets = [...counts(after, 'tallystone_ingest_step_seconds_bucket')].filter(([labels]) =>
        labels.endsWith(`step="${step}"`),
      );
      expect(buckets.at(-1)).toEqual([`le="+Inf",step="${step}"`, requests(after)[INGEST_STEPS.indexOf(step)]]);
      expect(buckets.map(([, count]) => count)).toEqual(buckets.map(([, count]) => count).sort((a, b) => a - b));
      expect(after).toMatch(new RegExp(`^tallystone_ingest_step_seconds_sum\\{step="${step}"\\} 0*\\.?0*[1-9e.]`, 'm'));
    }
  });

  test('each drop is counted with its step and reason, and every reason is in /metrics from the start', async () => {
    const foreign = await registerApp(stack.url, ann);
    const { apiKey: reading } = await createKey(stack.url, ann, { appId: foreign.id, scopes: ['read'] });
    const { apiKey: bound } = await createKey(stack.url, ann, {
      appId: foreign.id,
      allowedOrigins: ['https://x.test'],
    });
    await call(`${stack.url}/api/auth/revoke`, { token: ann.accessToken, body: { keyId: foreign.keyId } });
    const before = await figures();
    const nested = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`;
    const full = { event: 'x', device: 'fridge', metadata: { text: 'x'.repeat(32 * 1024 - 12) } };
    const [json, gzip] = ['application/json', { 'content-encoding': 'gzip' }];
    const raw = (body: string | Buffer, headers: Record<string, string> = {}) => post(body, { ...headers });
    const provoked: [step: IngestStep, reason: string, act: () => Promise<{ status: number }>][] = [
      ['key', 'key_missing', () => call(`${stack.url}/collect`, { body: { event: 'x' } })],
      ['key', 'key_malformed', () => post({ event: 'x' }, {}, 'no key')],
      ['key', 'key_revoked', () => post({ event: 'x' }, {}, foreign.apiKey)],
      ['key', 'wrong_token_kind', () => post({ event: 'x' }, {}, ann.accessToken)],
      ['key', 'scope_missing', () => post({ event: 'x' }, {}, reading)],
      ['key', 'origin_not_allowed', () => post({ event: 'x' }, { origin: 'https://y.test' }, bound)],
      ['parse', 'invalid_input', () => post({ event: '' })],
      ['parse', 'invalid_json', () => raw('{')],
      ['parse', 'invalid_utf8', () => raw(Buffer.from([0x22, 0xff, 0x22]))],
      ['parse', 'invalid_gzip', () => raw('{}', gzip)],
      ['parse', 'body_too_large', () => raw(`"${'x'.repeat(1024 * 1024)}"`)],
      ['parse', 'body_inflates_too_much', () => raw(gzipSync(' '.repeat(512 * 1024)), gzip)],
      ['parse', 'body_too_complex', () => raw(nested)],
      ['parse', 'unsupported_media_type', () => raw('<a/>', { 'content-type': 'application/xml' })],
      ['parse', 'unsupported_charset', () => raw('{}', { 'content-type': `${json}; charset=utf-16` })],
      ['parse', 'unsupported_encoding', () => raw('{}', { 'content-encoding': 'br' })],
      ['parse', 'other', () => call(`${stack.url}/api/tiny`, { body: { k: app.apiKey, v: ['fault'] } })],
      ['device', 'invalid_input', () => post(full)],
      ['normalise', 'invalid_input', () => post({ event: 'x', timestamp: '1970-01-01T00:00:00Z' })],
      ['normalise', 'event_id_needs_timestamp', () => post({ event: 'x', eventId: 'order-1' })],
      ['normalise', 'too_old', () => post({ event: 'x', timestamp: '2001-01-01T00:00:00Z' })],
    ];
    for (const [step, reason, act] of provoked) {
      const [then, { status }, now] = [await figures(), await act(), await figures()];
      const label = `step="${step}",reason="${reason}"`;
      const grown = [...counts(now, 'tallystone_ingest_drops_total')].filter(
        ([labels, count]) => count !== counts(then, 'tallystone_ingest_drops_total').get(labels),
      );
      expect({ reason, status, grown: grown.map(([labels]) => labels) }).toEqual({
        reason,
        status: expect.any(Number),
        grown: [label],
      });
      expect(status).toBeGreaterThanOrEqual(400);
    }
    const declared = INGEST_STEPS.flatMap((step) =>
      DROP_REASONS[step].map((reason) => `step="${step}",reason="${reason}"`),
    );
    expect([...counts(before, 'tallystone_ingest_drops_total').keys()].sort()).toEqual(declared.sort());
    expect([...counts(await figures(), 'tallystone_ingest_drops_total').keys()].sort()).toEqual(declared.sort());
  });

  test('refused events are counted one by one, in a batch without a good event too', async () => {
    const batch = (events: unknown[]) => call(`${stack.url}/collect/batch`, { key: app.apiKey, body: { events } });
    const of = (text: string, step: string) =>
      counts(text, 'tallystone_ingest_drops_total').get(`step="${step}",reason="invalid_input"`)!;
    const long = { event: 'x', device: 'fridge', metadata: { text: 'x'.repeat(32 * 1024 - 12) } };
    const ancient = { event: 'x', timestamp: '1970-01-01T00:00:00Z' };
    const before = await figures();
    const { body } = await batch([ancient, { event: 'x' }, 5, long, { event: '' }]);
    expect(body.rejected.map(({ index }: { index: number }) => index)).toEqual([0, 2, 3, 4]);
    expect((await batch([ancient, 5, ancient])).status).toBe(400);
    expect((await batch([])).status).toBe(400);
    expect((await post(ancient)).status).toBe(400);
    const after = await figures();
    // The empty batch counts once.
    expect(of(after, 'parse') - of(before, 'parse')).toBe(4);
    expect(of(after, 'device') - of(before, 'device')).toBe(1);
    expect(of(after, 'normalise') - of(before, 'normalise')).toBe(4);
    const total = (text: string, name: string) => [...counts(text, name).values()].reduce((sum, n) => sum + n, 0);
    expect(total(after, 'tallystone_ingest_drops_total')).toBe(total(after, 'tallystone_events_rejected_total'));
  });

  describe('a second ingest format, which is a file of its own', () => {
    const tiny = (body: unknown, options: Parameters<typeof call>[1] = {}) =>
      call(`${stack.url}/api/tiny`, { body, ...options });

    test('goes through the same steps, with its own key field and answer', async () => {
      const before = await figures();
      const { status, body } = await tiny({ k: app.apiKey, v: ['one', 2, 'three'] });
      expect([status, body]).toEqual([200, { ok: 2, bad: [1] }]);
      expect(requests(await figures())).toEqual(requests(before).map((count) => count + 1));
      const kept = (await stack.waiting()).filter((entry) => entry.includes('"somebody"'));
      expect(kept).toHaveLength(2);
      expect(kept.map((entry) => JSON.parse(entry) as object)).toEqual([
        expect.objectContaining({ e: 'one', k: 1, u: 'somebody', p: '198.51.100.7', b: 'Tiny' }),
        expect.objectContaining({ e: 'three' }),
      ]);
      expect(kept.join()).not.toContain(app.apiKey.slice(-20));
    });

    test('an answer to a request without a key names the field of the format', async () => {
      const detail = (field: string) =>
        `Send an API key as x-api-key or Authorization: Bearer, or as ${field} in the body.`;
      expect((await tiny({ v: ['x'] })).body.detail).toBe(detail('k'));
      expect((await tiny(undefined, { method: 'POST' })).body.detail).toBe(detail('k'));
      expect((await call(`${stack.url}/collect`, { body: { event: 'x' } })).body.detail).toBe(detail('apiKey'));
    });

    test('takes the key from a header too, and from no field of another format', async () => {
      expect((await tiny({ v: ['x'] }, { key: app.apiKey })).status).toBe(200);
      expect((await tiny({ apiKey: app.apiKey, v: ['x'] })).body.code).toBe('key_missing');
      expect((await call(`${stack.url}/collect`, { body: { k: app.apiKey, event: 'x' } })).body.code).toBe(
        'key_missing',
      );
    });

    test('each step reports all of its time: every check of the key, and the parse of the format', async () => {
      const seconds = (text: string, step: IngestStep) =>
        Number(new RegExp(`^tallystone_ingest_step_seconds_sum\\{step="${step}"\\} (\\S+)$`, 'm').exec(text)![1]);
      const before = await figures();
      const { status } = await tiny({ k: app.apiKey, slow: 50, v: ['x'] }, { headers: { 'x-slow-key': '50' } });
      const after = await figures();
      expect(status).toBe(200);
      // The body reader checks the key, and so does the guard. The sums are floating-point numbers.
      expect(seconds(after, 'key') - seconds(before, 'key')).toBeGreaterThan(0.0999);
      expect(seconds(after, 'parse') - seconds(before, 'parse')).toBeGreaterThan(0.0499);
    });

    test('refuses by its own rules, and names places in its own list', async () => {
      expect((await tiny({ k: app.apiKey, v: 'x' })).body.errors).toEqual([
        { field: 'v', message: expect.any(String) },
      ]);
      const deep = `{"k":"${app.apiKey}","v":[1,${'['.repeat(40)}${']'.repeat(40)}]}`;
      expect((await tiny(deep)).body.errors[0].field).toBe('v[1]');
    });

    test('a good answer to it is no line in the log; a refusal is', async () => {
      await tiny({ k: app.apiKey, v: ['x'] });
      const lines = () => stack.apis[0]!.process.records.filter(({ route }) => route === '/api/tiny');
      // Refusals of the tests before may have used up the lines of this second.
      await until(async () => {
        await tiny({ v: ['x'] });
        return lines().some(({ code }) => code === 'key_missing');
      }, 'the refusal to be in the log');
      expect(lines().filter(({ status }) => status === 200)).toEqual([]);
    });

    test('any page may post to it, as text too', async () => {
      const preflight = await call(`${stack.url}/api/tiny`, { method: 'OPTIONS' });
      expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
      const text = { headers: { 'content-type': 'text/plain', origin: 'https://page.test' } };
      const answer = await tiny(JSON.stringify({ k: app.apiKey, v: ['x'] }), text);
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    });

    test('its events count against the limits, as many as it may hold', async () => {
      const flooded = await registerApp(stack.url, ann);
      const used = async (v: string[]) => {
        const { headers } = await tiny({ k: flooded.apiKey, v });
        return Number(headers.get('ratelimit-limit')) - Number(headers.get('ratelimit-remaining'));
      };
      // A new second may begin between two of them.
      expect([await used(['a', 'b']), await used(['a', 'b'])]).toContain(2);
      const large = Array.from({ length: 50 }, () => 'x');
      expect([3, 5, 7]).toContain(await used(large));
    });
  });

  test('what is over a limit is dropped by the step key; what finds no room by the step append', async () => {
    const of = async (step: string, reason: string, url = stack.url) =>
      counts(await figures(url), 'tallystone_ingest_drops_total').get(`step="${step}",reason="${reason}"`);
    const many = (length: number) => ({ events: Array.from({ length }, () => ({ event: 'x' })) });
    const batch = (body: unknown, url = stack.url) => call(`${url}/collect/batch`, { key: app.apiKey, body });
    expect((await batch(many(KEY_LIMIT + 1))).status).toBe(413);
    expect(await of('key', 'batch_over_limit')).toBe(1);
    let answer = await batch(many(KEY_LIMIT));
    while (answer.status === 202) answer = await batch(many(KEY_LIMIT));
    expect(answer.body.code).toBe('rate_limited');
    expect(await of('key', 'rate_limited')).toBe(1);
    const small = (await stack.startApi({ BUFFER_MAX_BYTES: String(1024 * 1024), RATE_LIMITS: 'key=100000' })).url;
    const large = { events: Array.from({ length: 90 }, () => ({ event: 'x', metadata: { text: 'x'.repeat(8000) } })) };
    do answer = await batch(large, small);
    while (answer.status === 202);
    expect(answer.body.code).toBe('buffer_full');
    expect(await of('append', 'buffer_full', small)).toBe(1);
  });
});

import { SAMPLE_EVENT } from '../../test/plain/sample-event.js';
import { InvalidInputError } from '../common/app-error.js';
import { NO_PAYLOAD_HASH } from '../events/payload-hash.js';
import type { AcceptedEvent } from '../events/event.js';
import { uuidV7 } from '../events/event-id.js';
import { draft, EVENT_STEPS } from './ingest-steps.js';
import type { IngestContext } from './normalise.js';
import { ONE_EVENT } from './tallystone.format.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const MINUTE = 60_000;
const CHROME_ON_ANDROID =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36';
const GOOGLEBOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';

const context: IngestContext = {
  appId: 'a'.repeat(32),
  ipMode: 'truncated',
  retentionDays: null,
  receivedAt: NOW,
  address: '203.0.113.77',
  userAgent: CHROME_ON_ANDROID,
  sentAt: undefined,
  visitorSecret: Buffer.alloc(32, 1),
};

/** A payload of our own format, through every step that looks at one event. */
function accept(payload: Record<string, unknown>, changed: Partial<IngestContext> = {}): AcceptedEvent {
  const one = draft(0, ONE_EVENT.event(payload, 50));
  for (const step of EVENT_STEPS) step.run(one, { ...context, ...changed });
  return one.event!;
}
const at = (ms: number) => new Date(ms).toISOString();

function refusal(payload: Record<string, unknown>, changed: Partial<IngestContext> = {}): InvalidInputError {
  try {
    accept(payload, changed);
  } catch (error) {
    if (error instanceof InvalidInputError) return error;
    throw error;
  }
  throw new Error('It was accepted');
}

test('the sample payload is taken as it stands', () => {
  expect(accept(SAMPLE_EVENT)).toMatchObject({
    event: 'login_form_cta_click',
    occurredAt: Date.UTC(2024, 1, 20, 12, 34, 56),
    device: 'mobile',
    browser: 'Chrome',
    os: 'Android',
    ip: '192.168.1.1',
    userKind: 'visitor',
    metadata: JSON.stringify(SAMPLE_EVENT.metadata),
  });
});

describe('identity', () => {
  test('a retry has the same id and the same content, whatever else the connection says', () => {
    const payload = { event: 'x', eventId: 'order-1', timestamp: at(NOW - 5 * MINUTE), metadata: { b: 1, a: 2 } };
    const retry = { timestamp: payload.timestamp, metadata: { a: 2, b: 1 }, event_id: 'order-1', event: 'x' };
    const first = accept({ ...payload, sentAt: at(NOW) });
    const second = accept({ ...retry, sentAt: at(NOW + 9 * MINUTE) }, { receivedAt: NOW + 9 * MINUTE });
    expect(second.id).toBe(first.id);
    expect(second.payloadHash).toBe(first.payloadHash);
  });

  test('a UUIDv7 needs no timestamp and has the same id on every attempt', () => {
    const eventId = uuidV7(NOW - MINUTE);
    expect(accept({ event: 'x', eventId }).id).toBe(accept({ event: 'x', eventId }, { receivedAt: NOW + MINUTE }).id);
    expect(accept({ event: 'x', eventId }).occurredAt).toBe(NOW - MINUTE);
  });

  test('any other event id without a timestamp is refused by name', () => {
    expect(refusal({ event: 'x', eventId: 'order-1' })).toMatchObject({
      code: 'event_id_needs_timestamp',
      errors: [{ field: 'timestamp' }],
    });
  });

  test('the same content under canonical and other names has one hash; another value has another', () => {
    const same = { event: 'x', eventId: 'e', timestamp: at(NOW) };
    const hash = accept({ ...same, userId: 'ann', metadata: { a: 1 } }).payloadHash;
    expect(accept({ ...same, distinct_id: 'ann', properties: { a: 1 } }).payloadHash).toBe(hash);
    expect(accept({ ...same, userId: 'bob', metadata: { a: 1 } }).payloadHash).not.toBe(hash);
  });

  test('without an eventId there is nothing to compare, and no hash', () => {
    expect(accept({ event: 'x' }).payloadHash).toBe(NO_PAYLOAD_HASH);
    expect(accept({ event: 'x' }).id).not.toBe(accept({ event: 'x' }).id);
  });
});

describe('time', () => {
  test('without a timestamp it is the time of receipt', () => {
    expect(accept({ event: 'x' }).occurredAt).toBe(NOW);
  });

  test('a fast clock is corrected by sentAt, its own or the batch’s; the id stays with what was stated', () => {
    const payload = { event: 'x', eventId: 'e', timestamp: at(NOW + 3 * 60 * MINUTE) };
    const corrected = accept({ ...payload, sentAt: at(NOW + 4 * 60 * MINUTE) });
    expect(corrected.occurredAt).toBe(NOW - 60 * MINUTE);
    expect(accept(payload, { sentAt: NOW + 4 * 60 * MINUTE }).occurredAt).toBe(NOW - 60 * MINUTE);
    expect(corrected.id).toBe(accept(payload, { sentAt: NOW + 3 * 60 * MINUTE }).id);
  });

  test('a clock that is up to a minute ahead, or slow, is left alone', () => {
    const timestamp = at(NOW - MINUTE);
    for (const sentAt of [at(NOW + MINUTE), at(NOW - 60 * MINUTE)]) {
      expect(accept({ event: 'x', timestamp, sentAt }).occurredAt).toBe(NOW - MINUTE);
    }
  });

  test.each([
    ['ten minutes ahead', { timestamp: at(NOW + 10 * MINUTE) }, true],
    ['more than that', { timestamp: at(NOW + 10 * MINUTE + 1) }, false],
    ['a UUIDv7 more than that ahead', { eventId: uuidV7(NOW + 10 * MINUTE + 1) }, false],
    ['1980', { timestamp: '1980-01-01T00:00:00Z' }, true],
    ['before 1980', { timestamp: '1979-12-31T23:59:59.999Z' }, false],
    ['a UUIDv7 before 1980', { eventId: uuidV7(1000) }, false],
  ])('%s', (_what, payload, taken) => {
    const act = () => accept({ event: 'x', ...payload });
    if (taken) expect(act()).toBeDefined();
    else expect(act).toThrow(InvalidInputError);
  });

  test.each([
    ['before 1980', { timestamp: '1970-01-01T00:00:00Z' }, {}],
    ['far ahead', { timestamp: at(NOW + 60 * MINUTE) }, {}],
    ['too old', { timestamp: at(NOW - 60 * MINUTE) }, { deletedBefore: NOW }],
    ['older than retention', { timestamp: at(NOW - 48 * 60 * MINUTE) }, { retentionDays: 1 }],
  ])('a refused time (%s) is answered with the server’s time; nothing else is', (_what, payload, changed) => {
    expect(refusal({ event: 'x', ...payload }, changed).serverTime).toBe(at(NOW));
    expect(refusal({ event: '', timestamp: at(NOW) }).serverTime).toBeUndefined();
  });

  test('older than the app keeps events: too_old', () => {
    const payload = { event: 'x', timestamp: at(NOW - 31 * 24 * 60 * MINUTE) };
    expect(accept(payload)).toBeDefined();
    expect(refusal(payload, { retentionDays: 30 }).code).toBe('too_old');
    expect(refusal(payload, { deletedBefore: NOW }).code).toBe('too_old');
  });
});

describe('distinct user', () => {
  test.each([
    [{ userId: 'a', anonymousId: 'b', metadata: { userId: 'c' } }, 'user', 'a'],
    [{ trackingUserId: 'a' }, 'user', 'a'],
    [{ user_id: 'a' }, 'user', 'a'],
    [{ anonymousId: 'b', metadata: { userId: 'c' } }, 'user', 'c'],
    [{ metadata: { userId: 42 } }, 'user', '42'],
    [{ anonymousId: 'b' }, 'anonymous', 'b'],
  ])('%j', (payload, userKind, userValue) => {
    expect(accept({ event: 'x', ...payload })).toMatchObject({ userKind, userValue });
  });

  test('a visitor is told apart by app, full address, User-Agent and day', () => {
    const visitor = (payload = {}, changed: Partial<IngestContext> = {}) =>
      accept({ event: 'x', ...payload }, changed).userValue;
    const known = visitor();
    expect(visitor()).toBe(known);
    const others = [
      visitor({}, { address: '203.0.113.78' }),
      visitor({ ipAddress: '203.0.113.79' }),
      visitor({ userAgent: 'other' }),
      visitor({}, { appId: 'b'.repeat(32) }),
      visitor({}, { visitorSecret: Buffer.alloc(32, 2) }),
    ];
    expect(new Set([known, ...others]).size).toBe(6);
    expect(visitor({}, { ipMode: 'none' })).toBe(known);
  });

  test('a metadata.userId beyond the limit is refused, not cut', () => {
    expect(refusal({ event: 'x', metadata: { userId: 'x'.repeat(129) } }).errors).toEqual([
      expect.objectContaining({ field: 'metadata.userId' }),
    ]);
  });
});

describe('client and address', () => {
  test('the payload beats the User-Agent field, which beats the header', () => {
    expect(accept({ event: 'x' })).toMatchObject({ device: 'mobile', browser: 'Chrome', os: 'Android' });
    expect(accept({ event: 'x', userAgent: GOOGLEBOT })).toMatchObject({ device: 'bot', userAgent: GOOGLEBOT });
    expect(accept({ event: 'x', device: 'Tablet', metadata: { browser: 'Own' } })).toMatchObject({
      device: 'tablet',
      browser: 'Own',
      os: 'Android',
    });
    expect(accept({ event: 'x' }, { userAgent: undefined }).device).toBe('other');
  });

  test('an empty referrer is none', () => {
    expect(accept({ event: 'x', referrer: '' }).referrer).toBeUndefined();
  });

  test('a blank device, browser, os or metadata.userId is none', () => {
    const event = accept({ event: 'x', device: ' ', metadata: { browser: ' ', os: '\t', userId: ' ' } });
    expect(event).toMatchObject({ device: 'mobile', browser: 'Chrome', os: 'Android', userKind: 'visitor' });
  });

  test('an unknown device counts as other, and what it was called stays in metadata', () => {
    const event = accept({ event: 'x', device: 'smart fridge', metadata: { a: 1 } });
    expect(event.device).toBe('other');
    expect(JSON.parse(event.metadata!)).toEqual({ a: 1, device: 'smart fridge' });
  });

  test.each([
    ['truncated', {}, '203.0.113.0'],
    ['full', {}, '203.0.113.77'],
    ['none', {}, undefined],
    ['truncated', { ipAddress: '198.51.100.9' }, '198.51.100.9'],
    ['none', { ipAddress: '198.51.100.9' }, undefined],
  ] as const)('ipMode %s with %j keeps %p', (ipMode, payload, kept) => {
    expect(accept({ event: 'x', ...payload }, { ipMode }).ip).toBe(kept);
  });

  test('IPv6 is cut to /48, IPv4 inside IPv6 to /24', () => {
    expect(accept({ event: 'x' }, { address: '2001:db8:1:2:3:4:5:6' }).ip).toBe('2001:db8:1::');
    expect(accept({ event: 'x' }, { address: '::ffff:203.0.113.77' }).ip).toBe('203.0.113.0');
  });
});

describe('what is refused, by name', () => {
  test.each([
    ['event', {}],
    ['event', { event: '' }],
    ['event', { event: 5 }],
    ['event', { event: ['x'] }],
    ['event', { event: 'x'.repeat(129) }],
    ['event', { event: 'a\0b' }],
    ['event', { event: ' ' }],
    ['event', { event: '\t\n\u00a0\u200b\ufeff' }],
    ['eventId', { event: 'x', eventId: ' ', timestamp: at(NOW) }],
    ['userId', { event: 'x', userId: ' ' }],
    ['distinctId', { event: 'x', distinctId: ' ' }],
    ['anonymousId', { event: 'x', anonymousId: '\n' }],
    ['sessionId', { event: 'x', sessionId: '\u200b' }],
    ['event', { event: '\ud800' }],
    ['eventId', { event: 'x', eventId: '', timestamp: at(NOW) }],
    ['timestamp', { event: 'x', timestamp: '2024-02-30T00:00:00Z' }],
    ['timestamp', { event: 'x', timestamp: 1_708_432_496 }],
    ['userId', { event: 'x', userId: 'x'.repeat(129) }],
    ['url', { event: 'x', url: `https://${'x'.repeat(2048)}` }],
    ['ipAddress', { event: 'x', ipAddress: '999.1.1.1' }],
    ['metadata', { event: 'x', metadata: [] }],
    ['metadata', { event: 'x', metadata: 'text' }],
    ['metadata', { event: 'x', metadata: { n: JSON.parse('1e999') as number } }],
    ['evnt', { event: 'x', evnt: 'x' }],
    ['userId', { event: 'x', user_id: 'a', userId: 'b' }],
    ['distinctId', { event: 'x', userId: 'a', distinctId: 'b' }],
    ['trackingUserId', { event: 'x', userId: 'a', tracking_user_id: 'b' }],
    ['properties', { event: 'x', metadata: { a: 1 }, properties: { b: 2 } }],
    ['properties', { event: 'x', metadata: {}, properties: { b: 2 } }],
  ])('%s in %j', (field, payload) => {
    expect(refusal(payload).errors?.map((error) => error.field)).toContain(field);
  });

  test('two names of one field may be given where one says nothing, or both the same', () => {
    expect(accept({ event: 'x', metadata: { a: 1 }, properties: null }).metadata).toBe('{"a":1}');
    expect(accept({ event: 'x', metadata: null, properties: { a: 1 } }).metadata).toBe('{"a":1}');
    expect(accept({ event: 'x', userId: 'ann', distinct_id: 'ann' }).userValue).toBe('ann');
  });

  test.each([
    ...['event', 'eventId', 'userId', 'trackingUserId', 'distinctId', 'anonymousId', 'sessionId'],
    ...['url', 'referrer', 'device', 'userAgent'],
  ])('%s must be a string, and the answer says so', (field) => {
    for (const value of [42, 0, true, false, {}, [], ['a'], { a: 1 }]) {
      expect(refusal({ event: 'x', [field]: value }).errors).toEqual([{ field, message: 'must be a string' }]);
    }
  });

  test('the error for an unknown field names the nearest field, or metadata', () => {
    expect(refusal({ event: 'x', usrId: 'a' }).detail).toContain('Did you mean "userId"?');
    expect(refusal({ event: 'x', favouriteColour: 'a' }).detail).toContain('metadata');
  });
});

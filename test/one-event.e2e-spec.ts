import { encodeEnvelope } from '../src/events/envelope.js';
import { SHOWN_FIELDS } from '../src/events/event-columns.js';
import { formatUuid } from '../src/events/event-id.js';
import { call, registerApp, type Signed, signIn } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { type Stack, startStack } from './support/stack.js';

const SENT = {
  event: 'order placed',
  eventId: 'order-1',
  timestamp: '2026-01-02T03:04:05.678Z',
  userId: 'ann',
  anonymousId: 'before',
  sessionId: 'visit 7',
  url: 'https://shop.test/cart',
  referrer: 'https://search.test/',
  device: 'tablet',
  userAgent: 'Shop/1.0',
  ipAddress: '203.0.113.9',
  metadata: { browser: 'Firefox', os: 'Linux', total: 12 },
};

/** Each has a replacement in the same answer. */
const FORMER_NAMES = [
  ['PersonEventDto', 'timestamp'],
  ['PersonEventDto', 'ipAddress'],
  ['PersonProfileDto', 'ipAddress'],
  ['RecentEventDto', 'timestamp'],
  ['ReceiptDto', 'at'],
] as const;

describe('one event has one shape', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  let id: string;
  let event: Record<string, unknown>;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    const { body } = await call(`${stack.url}/collect`, { key: app.apiKey, body: SENT });
    id = body.id;
    event = {
      id,
      appId: app.id,
      event: SENT.event,
      occurredAt: SENT.timestamp,
      receivedAt: body.receivedAt,
      eventId: SENT.eventId,
      userId: SENT.userId,
      anonymousId: SENT.anonymousId,
      sessionId: SENT.sessionId,
      url: SENT.url,
      referrer: SENT.referrer,
      device: SENT.device,
      browser: 'Firefox',
      os: 'Linux',
      ip: SENT.ipAddress,
      metadata: SENT.metadata,
      userAgent: SENT.userAgent,
    };
    await stack.drained();
  });
  afterAll(() => stack?.stop());

  const ask = async (path: string) => (await call(`${stack.url}/api/${path}`, { token: ann.accessToken })).body;

  test('in the list, the timeline and the export as NDJSON', async () => {
    expect((await ask('analytics/events')).data).toEqual([event]);
    expect((await ask('analytics/users/timeline?userId=ann')).data).toEqual([event]);
    expect(JSON.parse(await ask('analytics/export?format=ndjson'))).toEqual(event);
  });

  test('in the export as CSV, with a heading for every field', async () => {
    const [heading, row] = (await ask('analytics/export')).replace('\ufeff', '').split('\r\n') as string[];
    expect(heading).toBe(SHOWN_FIELDS.join());
    expect(row).toBe(
      Object.values(event)
        .map((value) => (typeof value === 'object' ? `"${JSON.stringify(value).replaceAll('"', '""')}"` : value))
        .join(),
    );
  });

  test('in the export of a person, with two fields under their former names as well', async () => {
    const path = `${stack.url}/api/apps/${app.id}/users/ann`;
    const { body, headers } = await call(path, { token: ann.accessToken });
    expect(headers.get('deprecation')).toMatch(/^@\d+$/);
    const head = await call(path, { method: 'HEAD', token: ann.accessToken });
    expect([head.status, head.headers.get('deprecation')]).toEqual([200, headers.get('deprecation')]);
    expect(body.events).toEqual([{ ...event, timestamp: event.occurredAt, ipAddress: event.ip }]);
    expect(body.profiles).toEqual([expect.objectContaining({ ip: event.ip, ipAddress: event.ip })]);
  });

  test('in part in user-stats, the receipt and a dead letter, under the same names', async () => {
    const { recentEvents } = await ask('analytics/user-stats?userId=ann');
    const { timestamp, ...recent } = recentEvents[0];
    expect(event).toMatchObject(recent);
    expect([recent.id, recent.occurredAt, timestamp]).toEqual([id, event.occurredAt, event.occurredAt]);
    const { status, storedAt, conflicts, ...receipt } = await ask(`analytics/events/${id}/receipt`);
    expect([status, typeof storedAt, conflicts]).toEqual(['stored', 'string', 0]);
    expect(event).toMatchObject(receipt);

    const dead = acceptedEvent({ appId: app.id.replaceAll('-', ''), eventId: 'dead-1', sessionId: 'x'.repeat(600) });
    const timeless = { ...acceptedEvent({ appId: dead.appId }), occurredAt: Number.MAX_SAFE_INTEGER };
    await stack.push(0, encodeEnvelope(dead), encodeEnvelope(timeless), '{"v":9}');
    await stack.drained();
    const { data } = await ask(`apps/${app.id}/dead-letters`);
    const letter = (storedId: string) =>
      data.find((one: { storedId: string }) => one.storedId === formatUuid(storedId));
    expect(letter(dead.id)).toMatchObject({
      event: dead.event,
      eventId: 'dead-1',
      occurredAt: new Date(dead.occurredAt).toISOString(),
      receivedAt: new Date(dead.receivedAt).toISOString(),
    });
    const unread = { code: 'envelope_malformed', event: null, eventId: null, occurredAt: null, receivedAt: null };
    expect(letter(timeless.id)).toMatchObject(unread);
    const { createdAt } = letter(dead.id);
    expect(await ask(`analytics/events/${formatUuid(dead.id)}/receipt`)).toMatchObject({ createdAt, at: createdAt });
  });

  test('the OpenAPI document marks the former names, and describes the fields once', async () => {
    const { schemas } = (await ask('../api-docs-json')).components;
    const person = schemas.PersonEventDto.properties;
    for (const [schema, field] of FORMER_NAMES) {
      const mark = { deprecated: true, 'x-deprecated-since': '0.3.0', 'x-deprecated-at': '2026-12-01' };
      expect(schemas[schema].properties[field]).toMatchObject(mark);
    }
    expect(Object.keys(schemas.ListedEventDto.properties)).toEqual([...SHOWN_FIELDS]);
    expect(person).toMatchObject(schemas.ListedEventDto.properties);
  });
});

import { IANAZone } from 'luxon';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent } from './support/events.js';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** America/New_York sets its clock back on 1 November 2026. */
const FIRST = Date.UTC(2026, 9, 29);

interface Bucket {
  label: string;
  count: number;
  uniqueUsers: number;
  complete: boolean;
}

describe('series', () => {
  let stack: Stack;
  let ann: Signed;
  let apps: string[];
  let sent: AcceptedEvent[];
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    apps = [(await registerApp(stack.url, ann)).id, (await registerApp(stack.url, ann)).id];
    sent = Array.from({ length: 1500 }, (_none, i) =>
      acceptedEvent({
        appId: apps[i % 2]!.replaceAll('-', ''),
        event: ['view', 'buy'][i % 3 === 0 ? 1 : 0]!,
        occurredAt: FIRST + ((i * 7919) % 672) * 900_000 + (i % 900) * 1000,
        userValue: `user ${(i * 31) % 170}`,
      }),
    );
    await stack.store(sent);
  });
  afterAll(() => stack?.stop());

  const ask = async (query: string, token: { token?: string; key?: string } = { token: ann.accessToken }) => {
    const { status, body } = await call(`${stack.url}/api/analytics/series?${query}`, token);
    return { status, body };
  };

  /** What a zone's clock shows, cut to the interval, by an offset of the moment alone. */
  const labelOf = (ms: number, zone: string, interval: string): string => {
    const local = ms + IANAZone.create(zone).offset(ms) * 60_000;
    if (interval === 'week')
      return new Date(local - ((new Date(local).getUTCDay() + 6) % 7) * DAY).toISOString().slice(0, 10);
    const text = new Date(local).toISOString();
    return interval === 'hour' ? `${text.slice(0, 13)}:00` : text.slice(0, interval === 'day' ? 10 : 7);
  };

  const naive = (zone: string, interval: string, from: string, to: string, event?: string) => {
    const found = new Map<string, AcceptedEvent[]>();
    const inRange = sent.filter((one) => {
      const day = labelOf(one.occurredAt, zone, 'day');
      return day >= from && day <= to && (event === undefined || one.event === event);
    });
    for (const one of inRange) {
      const label = labelOf(one.occurredAt, zone, interval);
      found.set(label, [...(found.get(label) ?? []), one]);
    }
    const count = (events: AcceptedEvent[]) => [events.length, new Set(events.map((one) => one.userValue)).size];
    return {
      total: count(inRange),
      buckets: Object.fromEntries([...found].map(([label, events]) => [label, count(events)])),
    };
  };

  const filled = (buckets: Bucket[]) =>
    Object.fromEntries(
      buckets.filter(({ count }) => count > 0).map((one) => [one.label, [one.count, one.uniqueUsers]]),
    );

  const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns', 'America/New_York'];
  test.each(ZONES.flatMap((zone) => ['hour', 'day', 'week', 'month'].map((interval) => [zone, interval])))(
    'in %s by the %s equals a naive count',
    async (zone, interval) => {
      const range = 'startDate=2026-10-30&endDate=2026-11-02';
      for (const [event, name] of [
        [undefined, ''],
        ['buy', '&event=buy'],
      ] as const) {
        const { body } = await ask(`${range}&timezone=${zone}&interval=${interval}${name}`);
        const expected = naive(zone!, interval!, '2026-10-30', '2026-11-02', event);
        const [series] = body.series;
        expect([series.count, series.uniqueUsers]).toEqual(expected.total);
        expect(filled(series.buckets)).toEqual(expected.buckets);
      }
    },
  );

  test('the day on which the clock is set back has 25 hours and one bucket of two', async () => {
    const { body } = await ask('startDate=2026-11-01&endDate=2026-11-01&timezone=America/New_York&interval=hour');
    expect(body.series[0].buckets).toHaveLength(24);
    const [{ start }, { start: end }] = body.series[0].buckets.slice(1, 3);
    expect(Date.parse(end) - Date.parse(start)).toBe(2 * HOUR);
  });

  test('several events, each with the days before', async () => {
    const { body } = await ask(
      'event=view&event=buy&startDate=2026-10-31&endDate=2026-11-01&timezone=UTC&compare=previous',
    );
    expect(body.series.map((one: { event: string }) => one.event)).toEqual(['view', 'buy']);
    for (const { event, previous, count, start } of body.series) {
      expect(count).toBe(naive('UTC', 'day', '2026-10-31', '2026-11-01', event).total[0]);
      expect([previous.count, previous.uniqueUsers]).toEqual(
        naive('UTC', 'day', '2026-10-29', '2026-10-30', event).total,
      );
      expect(previous.end).toBe(start);
    }
  });

  test('of one app, by its own key too; an unknown event is a line of zeros', async () => {
    const { apiKey } = await createKey(stack.url, ann, { appId: apps[0], scopes: ['read'] });
    const range = 'startDate=2026-10-29&endDate=2026-11-04&timezone=UTC';
    const own = await ask(range, { key: apiKey });
    const asked = await ask(`${range}&app_id=${apps[0]}`);
    expect(own.body.series).toEqual(asked.body.series);
    expect(own.body.series[0].count).toBe(750);
    const { body } = await ask(`${range}&event=nothing`);
    expect(body.series[0]).toMatchObject({ count: 0, uniqueUsers: 0 });
    expect(body.series[0].buckets).toHaveLength(7);
  });

  test('without dates it is the last 30 days, of which today is not complete', async () => {
    const { body } = await ask('timezone=Asia/Kathmandu');
    const { buckets } = body.series[0];
    expect(buckets).toHaveLength(30);
    expect(buckets.at(-1).label).toBe(labelOf(Date.now(), 'Asia/Kathmandu', 'day'));
    expect([buckets.at(-1).complete, buckets[0].complete]).toEqual([false, true]);
  });

  test.each([
    ['interval=minute', 'interval'],
    ['interval=hour&startDate=2020-01-01&endDate=2026-01-01', 'interval'],
    ['compare=next', 'compare'],
    ['startDate=2026-11-02&endDate=2026-11-01', 'endDate'],
    [Array.from({ length: 11 }, (_none, i) => `event=e${i}`).join('&'), 'event'],
    [`event=${'x'.repeat(129)}`, 'event'],
    ['timezone=Mars/Olympus', 'timezone'],
  ])('%s is refused, naming the field', async (query, field) => {
    const { status, body } = await ask(query);
    expect([status, body.errors[0].field]).toEqual([400, field]);
  });
});

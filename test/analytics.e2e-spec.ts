import { uuidV7, formatUuid } from '../src/events/event-id.js';
import { encodeEnvelope } from '../src/events/envelope.js';
import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { type Stack, startStack } from './support/stack.js';

const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns', 'America/New_York'];
const DEVICES = ['mobile', 'tablet', 'desktop', 'bot', 'other'] as const;
const NAMES = ['page_view', 'signup', 'Signup'];
const NOTHING = { mobile: 0, tablet: 0, desktop: 0, bot: 0, other: 0 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Posted {
  app: number;
  event: string;
  eventId: string;
  ms: number;
  user: string;
  device: (typeof DEVICES)[number];
}

/** The same numbers every time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Around the days on which New York changes its clock, in both directions. */
function someEvents(length: number): Posted[] {
  const pick = random(7);
  const weeks = [Date.UTC(2024, 2, 8), Date.UTC(2024, 10, 1)];
  return Array.from({ length }, (_none, i) => ({
    app: pick(2),
    event: NAMES[pick(NAMES.length)]!,
    eventId: `event-${i}`,
    ms: weeks[pick(2)]! + pick(5 * 24 * 3600) * 1000 + pick(1000),
    user: `user ${pick(60)}`,
    device: DEVICES[pick(DEVICES.length)]!,
  }));
}

/** The day that a zone's calendar shows, by Intl alone: nothing of the product's own arithmetic. */
function dayIn(zone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return (ms) => format.format(ms);
}

function tally(events: Posted[]): { count: number; uniqueUsers: number; deviceData: Record<string, number> } {
  const deviceData: Record<string, number> = { ...NOTHING };
  for (const { device } of events) deviceData[device] = deviceData[device]! + 1;
  return { count: events.length, uniqueUsers: new Set(events.map(({ user }) => user)).size, deviceData };
}

describe('analytics', () => {
  let stack: Stack;
  let ann: Signed;
  let bob: Signed;
  let apps: { id: string; apiKey: string; keyId: string }[];
  let readKey: string;
  const posted = someEvents(2400);

  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url, 'ann@example.test');
    bob = await signIn(stack.url, 'bob@example.test');
    apps = [await registerApp(stack.url, ann, { timeZone: 'Asia/Kathmandu' }), await registerApp(stack.url, ann)];
    readKey = (await createKey(stack.url, ann, { appId: apps[0]!.id, scopes: ['read'] })).apiKey;
    for (const app of [0, 1]) {
      const own = posted.filter((event) => event.app === app);
      for (let from = 0; from < own.length; from += 600) {
        const events = own.slice(from, from + 600).map(({ event, eventId, ms, user, device }) => ({
          event,
          eventId,
          timestamp: new Date(ms).toISOString(),
          userId: user,
          device,
        }));
        const answer = await call(`${stack.url}/api/analytics/collect/batch`, {
          key: apps[app]!.apiKey,
          body: { events },
        });
        if (answer.status !== 202 || answer.body.accepted !== events.length)
          throw new Error(JSON.stringify(answer.body));
      }
    }
    await stack.drained();
  });
  afterAll(() => stack?.stop());

  const ask = (path: string, query: Record<string, string | undefined>, who: { token?: string; key?: string }) => {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return call(`${stack.url}/api/analytics/${path}?${new URLSearchParams(given)}`, who);
  };
  const summary = async (query: Record<string, string | undefined>, who = { token: ann.accessToken }) => {
    const { status, body } = await ask('event-summary', query, who);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body;
  };

  describe('event-summary equals a recount of what was posted', () => {
    const days = ['2024-03-08', '2024-03-10', '2024-03-11', '2024-11-02', '2024-11-03', '2024-11-05'];
    const ranges = days.flatMap((start, i) => days.slice(i).map((end): [string, string] => [start, end]));

    test.each(ZONES)('whole days in %s', async (timezone) => {
      const dayOf = dayIn(timezone);
      for (const [i, [startDate, endDate]] of ranges.entries()) {
        const event = [undefined, ...NAMES][i % 4];
        const app = [undefined, 0, 1][i % 3];
        const expected = tally(
          posted.filter(
            (one) =>
              (event === undefined || one.event === event) &&
              (app === undefined || one.app === app) &&
              dayOf(one.ms) >= startDate &&
              dayOf(one.ms) <= endDate,
          ),
        );
        const appId = app === undefined ? undefined : apps[app]!.id;
        const body = await summary({ event, startDate, endDate, timezone, app_id: appId });
        expect(body).toEqual({
          event: event ?? null,
          ...expected,
          startDate,
          endDate,
          timezone,
          asOf: expect.stringMatching(/Z$/),
        });
      }
    });

    test('clock times: from included, to not; with offsets and in the zone', async () => {
      const pick = random(11);
      for (let i = 0; i < 40; i += 1) {
        const start = Date.UTC(2024, i % 2 ? 2 : 10, i % 2 ? 8 : 1) + pick(4 * 96) * 900_000;
        const end = start + pick(200) * 900_000;
        const expected = tally(posted.filter(({ ms }) => ms >= start && ms < end));
        const inKathmandu = (ms: number): string => new Date(ms + 5.75 * 3_600_000).toISOString().slice(0, 16);
        const asked =
          i % 3
            ? { startDate: new Date(start).toISOString(), endDate: `${inKathmandu(end)}:00+05:45` }
            : { startDate: inKathmandu(start), endDate: inKathmandu(end), timezone: 'Asia/Kathmandu' };
        expect(await summary(asked)).toMatchObject({ ...expected, ...asked });
      }
    });

    test('no dates: all time, with the first and last day counted in the zone', async () => {
      for (const timezone of ZONES) {
        const days = posted.map(({ ms }) => dayIn(timezone)(ms)).sort();
        expect(await summary({ timezone })).toMatchObject({
          ...tally(posted),
          startDate: days[0],
          endDate: days.at(-1),
          timezone,
        });
      }
    });

    test('one date: the other end is open', async () => {
      const after = posted.filter(({ ms }) => ms >= Date.UTC(2024, 10, 3));
      expect(await summary({ startDate: '2024-11-03', timezone: 'UTC' })).toMatchObject(tally(after));
      const before = posted.filter(({ ms }) => ms < Date.UTC(2024, 2, 10));
      expect(await summary({ endDate: '2024-03-09', timezone: 'UTC' })).toMatchObject({
        ...tally(before),
        startDate: '2024-03-08',
      });
    });

    test("the zone is the app's own, and UTC where apps differ", async () => {
      const dayOf = dayIn('Asia/Kathmandu');
      const own = posted.filter(({ app, ms }) => app === 0 && dayOf(ms) === '2024-03-10');
      const day = { startDate: '2024-03-10', endDate: '2024-03-10' };
      expect(await summary({ ...day, app_id: apps[0]!.id })).toMatchObject({
        ...tally(own),
        timezone: 'Asia/Kathmandu',
      });
      expect(await summary(day)).toMatchObject({ timezone: 'UTC' });
      const byKey = await summary(day, { key: readKey } as never);
      expect(byKey).toMatchObject({ ...tally(own), timezone: 'Asia/Kathmandu' });
    });

    test('an unknown event, and a name in other letters, are zeros', async () => {
      const nothing = { count: 0, uniqueUsers: 0, deviceData: NOTHING, startDate: null, endDate: null };
      expect(await summary({ event: 'no such thing' })).toMatchObject({ event: 'no such thing', ...nothing });
      expect(await summary({ event: 'page_view ' })).toMatchObject(nothing);
      expect(await summary({}, { token: bob.accessToken })).toMatchObject({ event: null, ...nothing, timezone: 'UTC' });
    });

    test('empty fields, as forms send them, are not given', async () => {
      expect(await summary({ event: '', startDate: '', endDate: '', app_id: '', timezone: '' })).toMatchObject(
        tally(posted),
      );
    });
  });

  test.each([
    [{ startDate: '2024-02-30' }, 'startDate'],
    [{ start_date: '2024-02-20T12:31' }, 'startDate'],
    [{ endDate: 'tomorrow' }, 'endDate'],
    [{ startDate: '2024-02-21', endDate: '2024-02-20' }, 'endDate'],
    [{ timezone: 'Mars/Olympus' }, 'timezone'],
    [{ timezone: '+05:30' }, 'timezone'],
    [{ events: 'page_view' }, 'events'],
  ])('event-summary refuses %j, naming the field', async (query, field) => {
    const { status, body } = await ask('event-summary', query, { token: ann.accessToken });
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ field, message: expect.any(String) }]);
  });

  describe('user-stats', () => {
    test('totals over the apps, the newest device, the ten newest events', async () => {
      const own = posted.filter(({ user }) => user === 'user 7').sort((a, b) => b.ms - a.ms);
      const { body } = await ask('user-stats', { user_id: 'user 7' }, { token: ann.accessToken });
      expect(body).toEqual({
        userId: 'user 7',
        totalEvents: own.length,
        deviceDetails: { browser: null, os: null, device: own[0]!.device },
        ipAddress: expect.any(String),
        firstSeen: new Date(own.at(-1)!.ms).toISOString(),
        lastSeen: new Date(own[0]!.ms).toISOString(),
        recentEvents: own.slice(0, 10).map(({ event, ms, device }) => ({
          id: expect.any(String),
          event,
          url: null,
          occurredAt: new Date(ms).toISOString(),
          timestamp: new Date(ms).toISOString(),
          device,
        })),
      });
    });

    test('of one app only what happened there', async () => {
      const own = posted.filter(({ user, app }) => user === 'user 7' && app === 0);
      for (const who of [{ token: ann.accessToken }, { key: readKey }]) {
        const { body } = await ask('user-stats', { userId: 'user 7', app_id: apps[0]!.id }, who);
        expect(body.totalEvents).toBe(own.length);
      }
    });

    test('somebody unknown is zeros, and a missing userId is named', async () => {
      const { status, body } = await ask('user-stats', { userId: 'USER 7' }, { token: ann.accessToken });
      expect(status).toBe(200);
      expect(body).toEqual({
        userId: 'USER 7',
        totalEvents: 0,
        deviceDetails: { browser: null, os: null, device: null },
        ipAddress: null,
        firstSeen: null,
        lastSeen: null,
        recentEvents: [],
      });
      expect((await ask('user-stats', {}, { token: ann.accessToken })).body.errors[0].field).toBe('userId');
    });

    test('a user id beats an equal anonymous id, which is found where there is no user id', async () => {
      const key = apps[1]!.apiKey;
      await call(`${stack.url}/collect`, { key, body: { event: 'a', anonymousId: 'same' } });
      await stack.drained();
      const { body: anonymous } = await ask('user-stats', { userId: 'same' }, { token: ann.accessToken });
      expect(anonymous).toMatchObject({ totalEvents: 1, recentEvents: [{ event: 'a' }] });
      await call(`${stack.url}/collect`, { key, body: { event: 'b', userId: 'same' } });
      await stack.drained();
      const { body: user } = await ask('user-stats', { userId: 'same' }, { token: ann.accessToken });
      expect(user).toMatchObject({ totalEvents: 1, recentEvents: [{ event: 'b' }] });
    });
  });

  describe("nobody sees another's numbers", () => {
    test('a foreign app is not found, whoever asks and however', async () => {
      const bobs = await registerApp(stack.url, bob);
      const bobsKey = (await createKey(stack.url, bob, { appId: bobs.id, scopes: ['read'] })).apiKey;
      for (const who of [{ token: bob.accessToken }, { key: bobsKey }]) {
        for (const appId of [apps[0]!.id, 'no-uuid', formatUuid(uuidV7(Date.now()))]) {
          expect((await ask('event-summary', { app_id: appId }, who)).status).toBe(404);
          expect((await ask('user-stats', { userId: 'user 7', app_id: appId }, who)).status).toBe(404);
        }
        expect((await ask('event-summary', {}, who)).body.count).toBe(0);
        expect((await ask('user-stats', { userId: 'user 7' }, who)).body.totalEvents).toBe(0);
      }
      const [row] = await stack.query<{ id: string }>('SELECT HEX(id) AS id FROM events LIMIT 1');
      const { status } = await ask(`events/${row!.id.toLowerCase()}/receipt`, {}, { token: bob.accessToken });
      expect(status).toBe(404);
    });

    test("an owner's other app is not a key's to read", async () => {
      expect((await ask('event-summary', { app_id: apps[1]!.id }, { key: readKey })).status).toBe(404);
    });

    test('a write-only key and nobody at all are refused', async () => {
      const { status, body } = await ask('event-summary', {}, { key: apps[0]!.apiKey });
      expect([status, body.code]).toEqual([403, 'scope_missing']);
      expect((await ask('event-summary', {}, {})).status).toBe(401);
      expect((await ask('user-stats', { userId: 'user 7' }, {})).status).toBe(401);
    });
  });

  test("another account's backlog neither holds asOf back nor shows in receipts; one's own does", async () => {
    const [worker] = stack.workers;
    worker!.child.kill('SIGSTOP');
    const longAgo = Date.now() - 2 * HOUR_MS;
    const bobs = acceptedEvent({ appId: (await registerApp(stack.url, bob)).id.replaceAll('-', '') });
    const owner = bob.user.id.replaceAll('-', '');
    expect((await stack.writer.append(owner, [encodeEnvelope(bobs)], longAgo)).outcome).toBe('kept');
    const hour = longAgo - (longAgo % HOUR_MS);
    const period = { startDate: new Date(hour).toISOString(), endDate: new Date(hour + HOUR_MS).toISOString() };
    const told = async ({ accessToken: token }: Signed) => {
      const { asOf } = (await ask('event-summary', {}, { token })).body;
      const series = (await ask('series', { ...period, interval: 'hour' }, { token })).body;
      return {
        summary: Date.parse(asOf) <= longAgo,
        series: Date.parse(series.asOf) <= longAgo,
        complete: series.series[0].buckets.map(({ complete }: { complete: boolean }) => complete),
      };
    };
    expect(await told(ann)).toEqual({ summary: false, series: false, complete: [true] });
    expect(await told(bob)).toEqual({ summary: true, series: true, complete: [false] });
    const receipt = async ({ accessToken: token }: Signed) =>
      (await ask(`events/${formatUuid(bobs.id)}/receipt`, {}, { token })).body;
    expect(await receipt(ann)).toMatchObject({ code: 'not_found' });
    const { pending } = await receipt(bob);
    expect(pending.events).toBe(1);
    expect(pending.oldestAgeMs).toBeGreaterThanOrEqual(2 * HOUR_MS);
    worker!.child.kill('SIGCONT');
    await stack.drained();
    expect((await receipt(bob)).status).toBe('stored');
  });

  describe('receipts', () => {
    const receipt = (id: string, who: { token?: string; key?: string } = { token: ann.accessToken }) =>
      ask(`events/${id}/receipt`, {}, who);
    const post = async (body: unknown) => (await call(`${stack.url}/collect`, { key: apps[0]!.apiKey, body })).body;

    test('stored: by our id, and by a UUIDv7 of the client that came without a timestamp', async () => {
      const eventId = formatUuid(uuidV7(Date.now() - DAY_MS)).toUpperCase();
      const { id, receivedAt } = await post({ event: 'receipt', eventId });
      await stack.drained();
      for (const asked of [id, id.replaceAll('-', ''), eventId]) {
        for (const who of [{ token: ann.accessToken }, { key: apps[0]!.apiKey }, { key: readKey }]) {
          const { status, body } = await receipt(asked, who);
          expect(status).toBe(200);
          expect(body).toEqual({
            status: 'stored',
            id,
            eventId,
            occurredAt: expect.stringMatching(/Z$/),
            receivedAt,
            storedAt: expect.stringMatching(/Z$/),
            conflicts: 0,
          });
        }
      }
      expect((await receipt(id, { key: apps[1]!.apiKey })).status).toBe(404);
    });

    test('stored, with the number of copies that said something else', async () => {
      const sent = { event: 'first', eventId: 'conflict-1', timestamp: '2024-05-05T05:05:05Z' };
      const { id } = await post(sent);
      await post({ ...sent, event: 'second' });
      await post({ ...sent, event: 'third' });
      await post(sent);
      await stack.drained();
      expect((await receipt(id)).body).toMatchObject({ status: 'stored', eventId: 'conflict-1', conflicts: 2 });
    });

    test('dead_letter: with its code and reason', async () => {
      const event = acceptedEvent({ appId: apps[0]!.id.replaceAll('-', ''), sessionId: 'x'.repeat(600) });
      await stack.push(0, encodeEnvelope(event));
      await stack.drained();
      expect((await receipt(formatUuid(event.id))).body).toEqual({
        status: 'dead_letter',
        id: formatUuid(event.id),
        code: 'unstorable',
        reason: expect.any(String),
        createdAt: expect.stringMatching(/Z$/),
        at: expect.stringMatching(/Z$/),
      });
    });

    test('unknown while something is on its way; its size is not for write-only keys', async () => {
      const [worker] = stack.workers;
      worker!.child.kill('SIGSTOP');
      const { id } = await post({ event: 'on its way' });
      const other = formatUuid(uuidV7(Date.now()));
      for (const asked of [id, other]) {
        const { status, body } = await receipt(asked);
        expect(status).toBe(200);
        expect(body).toEqual({
          status: 'unknown',
          pending: { events: 1, oldestAgeMs: expect.any(Number) },
        });
        expect((await receipt(asked, { key: readKey })).body.pending.events).toBe(1);
        expect((await receipt(asked, { key: apps[0]!.apiKey })).body).toEqual({ status: 'unknown' });
      }
      const before = (await summary({})).asOf;
      worker!.child.kill('SIGCONT');
      await stack.drained();
      expect((await receipt(id)).body.status).toBe('stored');
      expect((await receipt(other)).status).toBe(404);
      // What was waiting had been accepted after the time to which the answer was said to be complete.
      expect(Date.parse(before)).toBeLessThanOrEqual(Date.parse((await receipt(id)).body.receivedAt));
    });

    test('404 for what was never accepted, and for what is no id of ours', async () => {
      for (const id of [formatUuid(uuidV7(Date.now())), 'event-1', '%00']) {
        const { status, body } = await receipt(id);
        expect([status, body.code]).toEqual([404, 'not_found']);
      }
      expect((await receipt('event-1', {})).status).toBe(401);
    });
  });
});

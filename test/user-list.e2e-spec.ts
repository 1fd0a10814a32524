import { formatUuid } from '../src/events/event-id.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent } from './support/events.js';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const FIRST = Date.UTC(2026, 9, 30);
const MINUTE = 60_000;

interface Listed {
  userId: string;
  totalEvents: number;
  firstSeen: string;
  lastSeen: string;
}

describe('users, and what one of them did', () => {
  let stack: Stack;
  let ann: Signed;
  let apps: string[];
  let sent: AcceptedEvent[];
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    apps = [(await registerApp(stack.url, ann)).id, (await registerApp(stack.url, ann)).id];
    sent = Array.from({ length: 500 }, (_none, i) =>
      acceptedEvent({
        appId: apps[(i * i) % 3 === 0 ? 0 : 1]!.replaceAll('-', ''),
        eventId: `${i}`,
        event: `event ${i % 5}`,
        occurredAt: FIRST + ((i * 71) % 500) * MINUTE,
        userValue: `User ${(i * 7) % 43}%_`,
        device: (['mobile', 'desktop'] as const)[i % 2],
        browser: ['Chrome', 'Firefox', undefined][i % 3],
      }),
    );
    await stack.store(sent);
  });
  afterAll(() => stack?.stop());

  const ask = (path: string, token: { token?: string; key?: string } = { token: ann.accessToken }) =>
    call(`${stack.url}/api/analytics/${path}`, token);
  const pages = async <T>(path: string, token?: { key: string }): Promise<T[]> => {
    const found: T[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { status, body } = await ask(`${path}${path.includes('?') ? '&' : '?'}limit=9&cursor=${cursor}`, token);
      expect(status).toBe(200);
      found.push(...(body.data as T[]));
      cursor = body.nextCursor as string | null;
    }
    return found;
  };
  /** By hand: everybody, last seen first. */
  const people = (matches: (event: AcceptedEvent) => boolean = () => true): Listed[] => {
    const events = sent.filter(matches);
    return [...new Set(events.map(({ userValue }) => userValue))]
      .map((userId) => {
        const times = events.filter(({ userValue }) => userValue === userId).map(({ occurredAt }) => occurredAt);
        const [firstSeen, lastSeen] = [Math.min(...times), Math.max(...times)].map((ms) => new Date(ms).toISOString());
        return { userId, totalEvents: times.length, firstSeen: firstSeen!, lastSeen: lastSeen! };
      })
      .sort((a, b) => (a.lastSeen < b.lastSeen ? 1 : -1));
  };
  const listed = (rows: Listed[]) =>
    rows.map(({ userId, totalEvents, firstSeen, lastSeen }) => ({ userId, totalEvents, firstSeen, lastSeen }));

  test('every user once over all apps, last seen first, page by page', async () => {
    expect(listed(await pages('users'))).toEqual(people());
  });

  test('of a key, and of one app: those of that app alone', async () => {
    const own = people((event) => event.appId === apps[1]!.replaceAll('-', ''));
    const { apiKey } = await createKey(stack.url, ann, { appId: apps[1], scopes: ['read'] });
    expect(listed(await pages('users', { key: apiKey }))).toEqual(own);
    expect(listed(await pages(`users?app_id=${apps[1]}`))).toEqual(own);
  });

  test('whose id holds a text, letter by letter', async () => {
    const search = async (text: string) => listed((await ask(`users?search=${encodeURIComponent(text)}`)).body.data);
    const holding = (text: string) => people().filter(({ userId }) => userId.includes(text));
    for (const text of ['User 1', '3%_', 'User 7%_', '%', 'user', 'nobody', 'User%']) {
      expect([text, await search(text)]).toEqual([text, holding(text)]);
    }
  });

  test('a timeline holds every event of the person in all apps once, newest first, and what they came from', async () => {
    const userId = 'User 7%_';
    const own = sent.filter(({ userValue }) => userValue === userId).sort((a, b) => b.occurredAt - a.occurredAt);
    expect(new Set(own.map(({ appId }) => appId)).size).toBe(2);
    const path = `users/timeline?userId=${encodeURIComponent(userId)}`;
    const events = await pages<{ id: string; appId: string }>(path);
    expect(events.map(({ id }) => id)).toEqual(own.map(({ id }) => formatUuid(id)));
    const { devices } = (await ask(path)).body as { devices: { device: string; browser: string; count: number }[] };
    const counted = devices.map(({ device, browser, count }) => [device, browser, count]);
    const names = own.map(({ device, browser }) => JSON.stringify([device, browser ?? null]));
    const expected = [...new Set(names)].map((name) => [...JSON.parse(name), names.filter((n) => n === name).length]);
    expect(counted).toEqual(expected);
    expect((await ask(`${path}&app_id=${apps[0]}`)).body.data.map(({ appId }: { appId: string }) => appId)).toEqual(
      own.filter(({ appId }) => formatUuid(appId) === apps[0]).map(() => apps[0]),
    );
  });

  test('somebody unknown has an empty timeline', async () => {
    expect((await ask('users/timeline?userId=nobody')).body).toEqual({
      ...{ userId: 'nobody', devices: [], data: [], nextCursor: null, asOf: expect.any(String) as string },
    });
  });

  test.each([
    ['users?limit=201', 'limit'],
    ['users?cursor=x', 'cursor'],
    [`users?search=${'x'.repeat(129)}`, 'search'],
    ['users/timeline', 'userId'],
  ])('%s is refused, naming the field', async (path, field) => {
    const { status, body } = await ask(path);
    expect([status, body.errors[0].field]).toEqual([400, field]);
  });
});

import type { AcceptedEvent } from '../src/events/event.js';
import { formatUuid } from '../src/events/event-id.js';
import { acceptedEvent } from './support/events.js';
import { PAGE_MAX_BYTES } from '../src/common/page-size.js';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const FIRST = Date.UTC(2026, 9, 30);
const MINUTE = 60_000;

interface Listed {
  id: string;
  event: string;
  device: string;
  occurredAt: string;
}

describe('the list of events', () => {
  let stack: Stack;
  let ann: Signed;
  let apps: string[];
  let sent: AcceptedEvent[];
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    apps = [(await registerApp(stack.url, ann)).id, (await registerApp(stack.url, ann)).id];
    sent = Array.from({ length: 400 }, (_none, i) =>
      acceptedEvent({
        appId: apps[i % 2]!.replaceAll('-', ''),
        eventId: `listed-${i}`,
        event: ['view', 'buy', 'rare'][i === 7 ? 2 : i % 3 === 0 ? 1 : 0]!,
        occurredAt: FIRST + ((i * 71) % 400) * MINUTE,
        userValue: `user ${i % 17}`,
        device: (['mobile', 'desktop'] as const)[i % 5 === 0 ? 0 : 1],
        browser: ['Chrome', 'Firefox'][i % 4 === 0 ? 0 : 1],
        url: `https://shop.example/${i % 6}`,
        metadata: JSON.stringify({ n: i }),
      }),
    );
    await stack.store(sent);
  });
  afterAll(() => stack?.stop());

  const page = async (query: string, token: { token?: string; key?: string } = { token: ann.accessToken }) => {
    const { status, body } = await call(`${stack.url}/api/analytics/events?${query}`, token);
    return { status, body: body as { data: Listed[]; nextCursor: string | null; errors: { field: string }[] } };
  };
  const all = async (query: string): Promise<Listed[]> => {
    const found: Listed[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await page(`${query}&limit=37&cursor=${cursor}`);
      found.push(...body.data);
      cursor = body.nextCursor;
    }
    return found;
  };
  const ids = (matches: (event: AcceptedEvent) => boolean): string[] =>
    sent
      .filter(matches)
      .map(({ id }) => formatUuid(id))
      .sort()
      .reverse();

  test('holds every event once, newest first, page by page', async () => {
    expect((await all('')).map(({ id }) => id)).toEqual(ids(() => true));
  });

  test.each<[string, (event: AcceptedEvent) => boolean]>([
    ['event=buy', (one) => one.event === 'buy'],
    ['event=rare', (one) => one.event === 'rare'],
    ['event=buy&event=rare&device=mobile', (one) => one.event !== 'view' && one.device === 'mobile'],
    ['browser=Chrome&url=https://shop.example/2', (one) => one.browser === 'Chrome' && one.url!.endsWith('/2')],
    ['os=BeOS', () => false],
    [
      'startDate=2026-10-30T01:00:00Z&endDate=2026-10-30T02:30:00Z',
      (one) => one.occurredAt >= FIRST + 60 * MINUTE && one.occurredAt < FIRST + 150 * MINUTE,
    ],
    ['startDate=2026-10-30T04:00:00Z', (one) => one.occurredAt >= FIRST + 240 * MINUTE],
    ['endDate=2026-10-30T04:00:00Z', (one) => one.occurredAt < FIRST + 240 * MINUTE],
    ['startDate=2026-10-30&endDate=9999-12-31', () => true],
    ['startDate=9999-12-31', () => false],
  ])('%s', async (query, matches) => {
    expect((await all(query)).map(({ id }) => id)).toEqual(ids(matches));
  });

  test('of a key: its own app alone, with all that was sent', async () => {
    const { apiKey } = await createKey(stack.url, ann, { appId: apps[1], scopes: ['read'] });
    const { body } = await page('limit=200', { key: apiKey });
    expect(body.data.map(({ id }) => id)).toEqual(ids((one) => one.appId === apps[1]!.replaceAll('-', '')));
    const newest = sent.find((one) => formatUuid(one.id) === body.data[0]!.id)!;
    expect(body.data[0]).toMatchObject({
      eventId: newest.eventId,
      event: newest.event,
      occurredAt: new Date(newest.occurredAt).toISOString(),
      userId: newest.userValue,
      anonymousId: null,
      url: newest.url,
      metadata: JSON.parse(newest.metadata!) as object,
    });
  });

  describe('of large events', () => {
    let bob: Signed;
    let large: AcceptedEvent[];
    beforeAll(async () => {
      bob = await signIn(stack.url, 'bob@example.test');
      const own = [await registerApp(stack.url, bob), await registerApp(stack.url, bob)];
      large = Array.from({ length: 130 }, (_none, i) =>
        acceptedEvent({
          appId: own[i % 2]!.id.replaceAll('-', ''),
          eventId: `large-${i}`,
          // Several at each moment, which pages must not mix up.
          occurredAt: FIRST + Math.floor(i / 3) * MINUTE,
          // Every character takes two bytes of UTF-8.
          metadata: JSON.stringify({ text: 'ü'.repeat(i % 5 === 0 ? 10 : 16_000) }),
        }),
      );
      await stack.store(large);
    });

    test.each(['events?', 'users/timeline?userId=ann&'])(
      '%s: a page ends at 1 MiB, and the next goes on',
      async (path) => {
        const found: string[] = [];
        const sizes: number[] = [];
        for (let cursor: string | null = ''; cursor !== null;) {
          const url = `${stack.url}/api/analytics/${path}limit=200&cursor=${cursor}`;
          const { body } = await call(url, { token: bob.accessToken });
          sizes.push(Buffer.byteLength(JSON.stringify(body)));
          found.push(...(body.data as Listed[]).map(({ id }) => id));
          cursor = body.nextCursor;
        }
        expect(found).toHaveLength(large.length);
        expect(new Set(found)).toEqual(new Set(large.map(({ id }) => formatUuid(id))));
        const times = found.map((id) => large.find((one) => formatUuid(one.id) === id)!.occurredAt);
        expect(times).toEqual([...times].sort((a, b) => b - a));
        // As few pages as their bytes allow.
        expect(sizes).toHaveLength(4);
        for (const size of sizes) expect(size).toBeLessThan(PAGE_MAX_BYTES + 8 * 1024);
      },
    );

    test.each(['br', 'gzip'])(
      'an answer up to 1 MiB is compressed (%s), a larger one is sent as it is',
      async (encoding) => {
        const sent = async (query: string) => {
          const headers = { authorization: `Bearer ${bob.accessToken}`, 'accept-encoding': encoding };
          const answer = await fetch(`${stack.url}/api/analytics/${query}`, { headers });
          const bytes = Buffer.byteLength(await answer.text());
          return { bytes, encoding: answer.headers.get('content-encoding'), vary: answer.headers.get('vary') };
        };
        const names = Array.from({ length: 10 }, (_none, i) => `event=${i}`).join('&');
        const range = 'startDate=2026-10-01&endDate=2026-11-09&interval=hour';
        const small = await sent(`series?${range}&${names}`);
        const huge = await sent(`series?${range}&${names}&compare=previous`);
        expect([small.bytes < PAGE_MAX_BYTES, huge.bytes > PAGE_MAX_BYTES]).toEqual([true, true]);
        expect([small.encoding, huge.encoding]).toEqual([encoding, null]);
        expect([small.vary, huge.vary]).toEqual(['accept-encoding', 'accept-encoding']);
      },
    );
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['cursor=x', 'cursor'],
    ['device=toaster', 'device'],
    [Array.from({ length: 21 }, (_none, i) => `event=${i}`).join('&'), 'event'],
  ])('%s is refused, naming the field', async (query, field) => {
    const { status, body } = await page(query);
    expect([status, body.errors[0]!.field]).toEqual([400, field]);
  });
});

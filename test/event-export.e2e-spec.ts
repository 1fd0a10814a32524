import { request } from 'node:http';
import { formatUuid } from '../src/events/event-id.js';
import type { AcceptedEvent } from '../src/events/event.js';
import { acceptedEvent } from './support/events.js';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const FIRST = Date.UTC(2026, 9, 30);
const MINUTE = 60_000;
/** By the number of the event. */
const REFERRERS: Record<number, string> = { 3: 'one;=1+1', 4: '\t@one', 5: 'one\r=1+1', 6: 'one\n=1+1' };
const FORMULA = '=HYPERLINK("http://evil.example","x")';
/** More than sockets between client and server hold. */
const MANY = 20_000;

describe('export', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string };
  let large: { id: string };
  let sent: AcceptedEvent[];
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    large = await registerApp(stack.url, ann);
    sent = Array.from({ length: 4500 }, (_none, i) =>
      acceptedEvent({
        appId: app.id.replaceAll('-', ''),
        eventId: `e${i}`,
        event: i === 7 ? FORMULA : `event ${i % 3}`,
        occurredAt: FIRST + i * MINUTE,
        device: (['mobile', 'desktop'] as const)[i % 2],
        referrer: REFERRERS[i],
        url: i === 8 ? 'https://x.example/"quoted", \n and more' : undefined,
        metadata: i === 9 ? JSON.stringify({ a: [1, 'ü'] }) : undefined,
      }),
    );
    await stack.store(sent);
    const appId = large.id.replaceAll('-', '');
    const metadata = JSON.stringify({ text: 'x'.repeat(900) });
    for (let at = 0; at < MANY; at += 2000) {
      await stack.store(
        Array.from({ length: 2000 }, (_none, i) => acceptedEvent({ appId, eventId: `${at + i}`, metadata })),
      );
    }
  });
  afterAll(() => stack?.stop());

  const get = (query: string, token: { token?: string; key?: string } = { token: ann.accessToken }) =>
    call(`${stack.url}/api/analytics/export?${query}`, token);
  const lines = (text: string) =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { id: string; referrer: string | null });

  test('NDJSON holds every event once, oldest first', async () => {
    const { status, body, headers } = await get(`format=ndjson&app_id=${app.id}`);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson; charset=utf-8']);
    expect(headers.get('content-disposition')).toContain('events.ndjson');
    const found = lines(body as string);
    expect(found.map(({ id }) => id)).toEqual(sent.map(({ id }) => formatUuid(id)));
    // As it was sent.
    expect(found.slice(3, 7).map(({ referrer }) => referrer)).toEqual(Object.values(REFERRERS));
    expect(found[9]).toMatchObject({ event: 'event 0', eventId: 'e9', metadata: { a: [1, 'ü'] }, userId: 'ann' });
  });

  test('CSV: quotes and lines are kept, formulas are text', async () => {
    const { body, headers } = await get(`app_id=${app.id}`);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const text = body as string;
    expect(text.replace('\ufeff', '').startsWith('id,appId,event,occurredAt')).toBe(true);
    expect(text).toContain(`"'${FORMULA.replaceAll('"', '""')}"`);
    expect(text).toContain('"https://x.example/""quoted"", \n and more"');
    expect(text).toContain('"{""a"":[1,""ü""]}"');
    // A line break within a text begins no row, and nothing after it is a formula; nor after `;` and tabs.
    for (const broken of [`"one\n'=1+1"`, `"one\r'=1+1"`]) expect(text).toContain(broken);
    for (const split of [`one;'=1+1`, `'\t'@one`]) expect(text).toContain(`,${split},`);
    expect(
      text
        .replace(/"[^"]*"/g, '')
        .split('\r\n')
        .filter((line) => line.startsWith('=')),
    ).toEqual([]);
    expect(text.match(/\r\n/g)!.length).toBeGreaterThanOrEqual(4500);
  });

  test('of a range and with filters, and of a key: what was asked for', async () => {
    const { apiKey } = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    const range = 'startDate=2026-10-30T01:00:00Z&endDate=2026-10-31T00:00:00Z';
    const { body } = await get(`format=ndjson&${range}&device=mobile&event=event 1`, { key: apiKey });
    const expected = sent.filter(
      (one) =>
        one.occurredAt >= FIRST + 60 * MINUTE &&
        one.occurredAt < FIRST + 1440 * MINUTE &&
        one.device === 'mobile' &&
        one.event === 'event 1',
    );
    expect(lines(body as string).map(({ id }) => id)).toEqual(expected.map(({ id }) => formatUuid(id)));
    expect((await get('format=xml')).body.errors[0].field).toBe('format');
  });

  /** Begins to read and then waits. @returns whether the connection was broken off, once the rest is read */
  const begun = (headers: Record<string, string>, query = `app_id=${large.id}`) =>
    new Promise<{ finish: () => Promise<'whole' | 'broken off'> }>((resolve, reject) => {
      const path = `${stack.url}/api/analytics/export?format=ndjson&${query}`;
      const asked = request(path, { headers: { ...headers, 'accept-encoding': 'identity' } }, (answer) => {
        answer.once('data', () => {
          answer.pause();
          resolve({
            finish: () =>
              new Promise((end) => {
                answer.on('end', () => end(answer.complete ? 'whole' : 'broken off'));
                answer.on('error', () => end('broken off'));
                answer.resume();
              }),
          });
        });
      });
      asked.on('error', reject);
      asked.end();
    });
  const aSecondLater = async () => {
    const then = Date.now() + 1200;
    await until(() => Date.now() > then, 'a second to pass');
  };

  test('whoever is still let in reads it to its end, however slowly', async () => {
    const stream = await begun({ authorization: `Bearer ${ann.accessToken}` });
    await aSecondLater();
    expect(await stream.finish()).toBe('whole');
  });

  test.each<[string, () => Promise<{ headers: Record<string, string>; query?: string; end: () => Promise<unknown> }>]>([
    [
      'a key is revoked',
      async () => {
        const key = await createKey(stack.url, ann, { appId: large.id, scopes: ['read'] });
        const end = () => call(`${stack.url}/api/auth/revoke`, { token: ann.accessToken, body: { keyId: key.keyId } });
        return { headers: { 'x-api-key': key.apiKey }, query: '', end };
      },
    ],
    [
      'the person logs out',
      async () => {
        const { accessToken } = await signIn(stack.url);
        const end = () => call(`${stack.url}/api/auth/logout`, { token: accessToken, body: {} });
        return { headers: { authorization: `Bearer ${accessToken}` }, end };
      },
    ],
    [
      'a key expires',
      async () => {
        const expiresAt = new Date(Date.now() + 2000).toISOString();
        const key = await createKey(stack.url, ann, { appId: large.id, scopes: ['read'], expiresAt });
        const end = () => until(() => Date.now() > Date.parse(key.expiresAt as string), 'the key to expire');
        return { headers: { 'x-api-key': key.apiKey }, query: '', end };
      },
    ],
    [
      'an app is deleted, of all that were asked for',
      async () => {
        const other = await registerApp(stack.url, ann);
        const end = () => call(`${stack.url}/api/apps/${other.id}`, { token: ann.accessToken, method: 'DELETE' });
        return { headers: { authorization: `Bearer ${ann.accessToken}` }, query: '', end };
      },
    ],
    [
      'the app is deleted',
      async () => {
        const end = () => call(`${stack.url}/api/apps/${large.id}`, { token: ann.accessToken, method: 'DELETE' });
        return Promise.resolve({ headers: { authorization: `Bearer ${ann.accessToken}` }, end });
      },
    ],
  ])('contract: an open export breaks off when %s', async (_what, prepare) => {
    const { headers, query, end } = await prepare();
    const stream = await begun(headers, query);
    await end();
    await aSecondLater();
    expect(await stream.finish()).toBe('broken off');
  });
});

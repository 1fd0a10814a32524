import { request } from 'node:http';
import { call, registerApp, type Signed, signIn } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { rawCall } from '../support/raw-request.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const PERSON = 'long-story';
/** More than sockets between client and server hold. */
const EVENTS = 1500;
const OPEN_OF_ACCOUNT_MAX = 20;

/** Exports and live views: who may open them, how many, and how long. */
describe('downloads and streams', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string };
  let person: string;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    person = `${stack.url}/api/apps/${app.id}/users/${PERSON}`;
    const metadata = JSON.stringify({ text: 'x'.repeat(20_000) });
    const appId = app.id.replaceAll('-', '');
    await stack.store(
      Array.from({ length: EVENTS }, (_none, i) =>
        acceptedEvent({ appId, eventId: `${i}`, userValue: PERSON, metadata, occurredAt: Date.now() - i }),
      ),
    );
  });
  afterAll(() => stack?.stop());

  /** Begins to read and then waits. */
  const begun = (headers: Record<string, string>, url = person) =>
    new Promise<{ status: number; finish: () => Promise<'whole' | 'broken off'>; hangUp: () => void }>(
      (resolve, reject) => {
        const asked = request(url, { headers: { ...headers, 'accept-encoding': 'identity' }, agent: false }, (answer) =>
          answer.once('readable', () =>
            resolve({
              status: answer.statusCode!,
              hangUp: () => answer.destroy(),
              finish: () =>
                new Promise((end) => {
                  answer.on('end', () => end(answer.complete ? 'whole' : 'broken off'));
                  answer.on('error', () => end('broken off'));
                  answer.resume();
                }),
            }),
          ),
        );
        asked.on('error', reject);
        asked.end();
      },
    );
  const bearer = ({ accessToken }: Pick<Signed, 'accessToken'>) => ({ authorization: `Bearer ${accessToken}` });
  const aSecondLater = async () => {
    const then = Date.now() + 1200;
    await until(() => Date.now() > then, 'a second to pass');
  };
  const paths = () => [
    `/api/apps/${app.id}/users/somebody`,
    `/api/analytics/export?app_id=${app.id}&startDate=2026-01-01&endDate=2026-01-01`,
    `/api/analytics/live?app_id=${app.id}`,
  ];

  test.each(['cross-site', 'same-site'])('another site cannot open one: Sec-Fetch-Site %s', async (site) => {
    for (const path of paths()) {
      for (const headers of [{ cookie: cookieOf(ann) }, bearer(ann)] as Record<string, string>[]) {
        const { status, body } = await call(stack.url + path, { headers: { ...headers, 'sec-fetch-site': site } });
        expect([path, status, body.code]).toEqual([path, 403, 'cross_site_request']);
      }
    }
  });

  test.each(['same-origin', 'none', undefined])('its own pages and programs can: Sec-Fetch-Site %s', async (site) => {
    for (const path of paths()) {
      const headers = { cookie: cookieOf(ann), ...(site ? { 'sec-fetch-site': site } : {}) };
      const { status } = await call(stack.url + path, { headers });
      expect([path, status]).toEqual([path, 200]);
    }
  });

  test('HEAD holds no stream open', async () => {
    const path = paths()[2]!;
    for (let i = 0; i < OPEN_OF_ACCOUNT_MAX + 5; i += 1) {
      const answer = await rawCall(stack.url + path, { method: 'HEAD', headers: bearer(ann) });
      expect(answer.status).toBe(200);
    }
    expect((await call(stack.url + path, { token: ann.accessToken })).status).toBe(200);
  });

  test('the export of a person is read to its end, however slowly, and holds every event', async () => {
    const stream = await begun(bearer(ann));
    await aSecondLater();
    expect(await stream.finish()).toBe('whole');
    const { body } = await call(person, { token: ann.accessToken });
    expect(body.events).toHaveLength(EVENTS);
    expect(body.events[0].metadata.text).toHaveLength(20_000);
    expect(new Set(body.events.map((event: { id: string }) => event.id)).size).toBe(EVENTS);
  });

  test('exports of people count among the open streams', async () => {
    const open = await Promise.all(Array.from({ length: OPEN_OF_ACCOUNT_MAX }, () => begun(bearer(ann))));
    expect(open.map(({ status }) => status)).toEqual(open.map(() => 200));
    const refused = await call(person, { token: ann.accessToken });
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_streams']);
    expect(refused.headers.get('retry-after')).toBeTruthy();
    for (const one of open) one.hangUp();
    await until(async () => (await call(`${person}-not`, { token: ann.accessToken })).status === 200, 'room again');
  });

  test('the export of a person breaks off when the person who asked logs out', async () => {
    const again = await signIn(stack.url);
    const stream = await begun(bearer(again));
    await call(`${stack.url}/api/auth/logout`, { token: again.accessToken, body: {} });
    await aSecondLater();
    expect(await stream.finish()).toBe('broken off');
  });

  test('the export of a person breaks off when the app is deleted', async () => {
    const stream = await begun(bearer(ann));
    await call(`${stack.url}/api/apps/${app.id}`, { token: ann.accessToken, method: 'DELETE' });
    await aSecondLater();
    expect(await stream.finish()).toBe('broken off');
  });
});

function cookieOf({ cookies }: Signed): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');
}

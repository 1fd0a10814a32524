import { call, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const OKHTTP = 'okhttp/4.12.0';

describe('what clients say of themselves', () => {
  let stack: Stack;
  let ann: Signed;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
  });
  afterAll(() => stack?.stop());

  /** Posts to the app and returns the stored rows, in the order of the payloads. */
  async function stored(apiKey: string, payloads: { body: object; headers?: Record<string, string> }[]) {
    const ids: string[] = [];
    for (const { body, headers } of payloads) {
      const answer = await call(`${stack.url}/api/analytics/collect`, { key: apiKey, body, headers });
      expect(answer).toMatchObject({ status: 202 });
      ids.push(answer.body.id);
    }
    await stack.drained();
    return Promise.all(
      ids.map(async (id) => {
        const sql = 'SELECT * FROM events WHERE id = UNHEX(?)';
        const [row] = await stack.query<Record<string, unknown>>(sql, [id.replaceAll('-', '')]);
        return row!;
      }),
    );
  }

  test.each([
    ['web', 'bot'],
    ['ios', 'mobile'],
    ['android', 'mobile'],
    ['server', 'other'],
    [undefined, 'other'],
  ])('an HTTP library in an app of platform %s is %s', async (platform, device) => {
    const app = await registerApp(stack.url, ann, platform ? { platform } : {});
    const rows = await stored(app.apiKey, [
      { body: { event: 'x' }, headers: { 'user-agent': OKHTTP } },
      { body: { event: 'x', userAgent: OKHTTP } },
      { body: { event: 'x', userAgent: OKHTTP, device: 'tablet' } },
    ]);
    expect(rows.map((row) => row.device)).toEqual([device, device, 'tablet']);
  });

  test('a changed platform counts from the next event on', async () => {
    const app = await registerApp(stack.url, ann, { platform: 'web' });
    const body = { platform: 'ios' };
    const changed = await call(`${stack.url}/api/apps/${app.id}`, { method: 'PATCH', token: ann.accessToken, body });
    expect(changed.status).toBe(200);
    const [row] = await stored(app.apiKey, [{ body: { event: 'x', userAgent: OKHTTP } }]);
    expect(row!.device).toBe('mobile');
  });
});

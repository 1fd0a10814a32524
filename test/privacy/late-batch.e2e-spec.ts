import { call, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';

/** What the eraser counts on: an event is in the buffer this long after its receipt, ms (processing/erasure/eraser.ts). */
const ON_ITS_WAY_MS = 3000;
/** As much as accounts may have under way at the same time. */
const ACCOUNTS = 4;
const BATCHES = 15;

describe('a batch that waits for its turn to be checked', () => {
  let stack: Stack;
  beforeAll(async () => {
    const limits = ['key', 'account', 'address', 'key_bytes', 'account_bytes', 'address_bytes'];
    stack = await startStack({ env: { RATE_LIMITS: `signin=1000,${limits.map((one) => `${one}=999999999`).join()}` } });
  });
  afterAll(() => stack?.stop());

  test('is in the buffer within the time that erasures allow for', async () => {
    const people = await Promise.all(Array.from({ length: ACCOUNTS }, (_none, i) => signIn(stack.url, `${i}@x.test`)));
    const keys = (await Promise.all(people.map((person) => registerApp(stack.url, person)))).map(
      ({ apiKey }) => apiKey,
    );
    const storedAt = new Map<string, number>();
    const post = async (n: number): Promise<void> => {
      // Each event has a program of its own to be recognised, which takes its time.
      const events = Array.from({ length: 1000 }, (_none, i) => ({
        event: `batch ${n}`,
        userAgent: `${n} ${i} ${'Linux; Android 1; '.repeat(25)}`,
      }));
      const { status } = await call(`${stack.url}/collect/batch`, { key: keys[n % ACCOUNTS]!, body: { events } });
      if (status === 202) storedAt.set(`batch ${n}`, Date.now());
    };
    await Promise.all(Array.from({ length: ACCOUNTS * BATCHES }, (_none, n) => post(n)));
    await stack.drained();
    const rows = await stack.query<{ event: Buffer; at: Date }>(
      'SELECT event, MIN(received_at) AS at FROM events GROUP BY event',
    );
    const tookMs = rows.map(({ event, at }) => storedAt.get(String(event))! - at.getTime());
    expect(rows.length).toBe(storedAt.size);
    expect(Math.max(...tookMs)).toBeLessThan(ON_ITS_WAY_MS);
  }, 120_000);
});

import { uuidV7 } from '../src/events/event-id.js';
import { call, registerApp, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

describe('SIGTERM under load', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 2 });
  });
  afterAll(() => stack?.stop());

  test('finishes what is held: no 5xx but 503, every 202 is counted, both processes end with 0', async () => {
    const app = await registerApp(stack.url, await signIn(stack.url));
    const acknowledged: string[] = [];
    const statuses = new Set<number>();
    let stop = false;
    /** Posts one event after the other; what got no answer is sent again to the other process, with the same id. */
    const client = async (api: number): Promise<void> => {
      while (!stop) {
        const event = { event: 'x', eventId: uuidV7(Date.now()) };
        for (let attempt = api; !stop; attempt += 1) {
          const url = `${stack.apis[attempt % 2]!.url}/api/analytics/collect`;
          const answer = await call(url, { key: app.apiKey, body: event }).catch(() => undefined);
          if (answer) statuses.add(answer.status);
          if (answer?.status !== 202) continue;
          acknowledged.push(answer.body.id);
          break;
        }
      }
    };
    const clients = Array.from({ length: 8 }, (_none, i) => client(i));
    await until(() => acknowledged.length > 300, 'some load');
    const ends = [await stack.apis[0]!.process.stop(), await stack.workers[0]!.stop()];
    const worker = await stack.startWorker();
    const soFar = acknowledged.length;
    await until(() => acknowledged.length > soFar + 300, 'more load on the other process');
    stop = true;
    await Promise.all(clients);
    await stack.drained();
    expect(ends).toEqual([0, 0]);
    expect([...statuses].filter((status) => status !== 202 && status !== 503)).toEqual([]);
    const rows = await stack.query<{ id: string }>('SELECT LOWER(HEX(id)) AS id FROM events');
    const stored = new Set(rows.map((row) => row.id));
    expect(acknowledged.filter((id) => !stored.has(id.replaceAll('-', '')))).toEqual([]);
    const [row] = await stack.query<{ n: string }>("SELECT SUM(n) AS n FROM event_summary WHERE event = 'x'");
    expect(Number(row!.n)).toBe(stored.size);
    expect(await worker.stop()).toBe(0);
  });
});

import { encodeEnvelope } from '../../src/events/envelope.js';
import { call, registerApp, signIn } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

describe('deleting an app', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  test('erases all that was stored for it, passes over what is on its way, and leaves other apps alone', async () => {
    const ann = await signIn(stack.url);
    const [doomed, other] = [await registerApp(stack.url, ann), await registerApp(stack.url, ann)];
    const events = (app: { id: string }, name: string, length: number) =>
      Array.from({ length }, (_none, i) =>
        acceptedEvent({ appId: app.id.replaceAll('-', ''), eventId: `${name} ${i}`, userValue: `person ${i % 9}` }),
      );
    const kept = events(other, 'kept', 50);
    await stack.push(0, ...[...events(doomed, 'stored', 6000), ...kept].map(encodeEnvelope), '{"v":1}');
    await stack.push(1, JSON.stringify({ v: 99, a: doomed.id.replaceAll('-', '') }));
    await stack.drained(60_000);
    await stack.workers[0]!.stop();
    await stack.push(2, ...events(doomed, 'pending', 300).map(encodeEnvelope));
    await stack.push(2, JSON.stringify({ v: 99, a: doomed.id.replaceAll('-', ''), u: 'more' }));
    const { status, body } = await call(`${stack.url}/api/apps/${doomed.id}`, {
      method: 'DELETE',
      token: ann.accessToken,
    });
    expect([status, body.subject]).toEqual([202, 'app']);
    expect((await call(`${stack.url}/collect`, { key: doomed.apiKey, body: { event: 'x' } })).status).toBe(401);
    await stack.startWorker();
    const erasure = `${stack.url}/api/erasures/${body.erasureId}`;
    const stage = async () => (await call(erasure, { token: ann.accessToken })).body.stage as string;
    await until(async () => (await stage()) === 'done', 'the erasure');
    await stack.drained();
    expect(await storedCounts(stack)).toEqual(countNaively(kept));
    const [rows] = await stack.query<Record<string, string>>(
      `SELECT (SELECT COUNT(*) FROM events WHERE app_id = ?) AS events,
        (SELECT COUNT(*) FROM dead_letters WHERE app_id = ?) AS letters, (SELECT SUM(erased) FROM ingest_batches) AS erased`,
      [doomed.id, doomed.id].map((id) => Buffer.from(id.replaceAll('-', ''), 'hex')),
    );
    expect([Number(rows!.events), Number(rows!.letters), Number(rows!.erased)]).toEqual([0, 0, 301]);
  });
});

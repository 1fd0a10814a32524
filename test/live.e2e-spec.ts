import { request, type IncomingMessage } from 'node:http';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

interface Told {
  event: string;
  id?: string;
  data: unknown;
}

/** An open stream, and what it has told so far. */
class Listener {
  text = '';
  ended = false;

  private constructor(private readonly answer: IncomingMessage) {
    answer.setEncoding('utf8').on('data', (piece: string) => (this.text += piece));
    answer.on('close', () => (this.ended = true)).on('error', () => undefined);
  }

  static to(url: string, headers: Record<string, string>): Promise<Listener> {
    return new Promise((resolve, reject) => {
      request(url, { headers }, (answer) => resolve(new Listener(answer)))
        .on('error', reject)
        .end();
    });
  }

  get type(): string | undefined {
    return this.answer.headers['content-type'];
  }

  get told(): Told[] {
    return this.text.split('\n\n').flatMap((block) => {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
      const [event, data, id] = ['event', 'data', 'id'].map((name) => fields.get(name));
      return event && data ? [{ event, id, data: JSON.parse(data) as unknown }] : [];
    });
  }

  get names(): string[] {
    const events = this.told.filter(({ event }) => event === 'events');
    return events.flatMap(({ data }) => (data as { event: string }[]).map(({ event }) => event));
  }

  get total(): number | undefined {
    const counts = this.told.filter(({ event }) => event === 'counts');
    return (counts.at(-1)?.data as { total: number } | undefined)?.total;
  }

  close(): void {
    this.answer.destroy();
  }
}

/** For a machine that does other things beside. */
const MARGIN_MS = 500;

describe('live', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  const open: Listener[] = [];
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
  });
  afterAll(async () => {
    for (const one of open) one.close();
    await stack?.stop();
  });

  const listen = async (headers: Record<string, string> = { authorization: `Bearer ${ann.accessToken}` }) => {
    const listener = await Listener.to(`${stack.url}/api/analytics/live`, headers);
    open.push(listener);
    return listener;
  };
  const post = async (event: string, said: object = {}) =>
    expect((await call(`${stack.url}/collect`, { key: app.apiKey, body: { event, ...said } })).status).toBe(202);

  test('tells of events as they are stored, and of the counts of the last 30 minutes', async () => {
    await post('before');
    await post('long ago', { timestamp: new Date(Date.now() - 40 * 60_000).toISOString() });
    await stack.drained();
    const listener = await listen();
    expect(listener.type).toBe('text/event-stream');
    await until(() => listener.names.length === 1 && listener.total === 1, 'what was there before');
    await post('first', { timestamp: new Date(Date.now() - 5 * 60_000).toISOString() });
    await post('second');
    await until(() => listener.names.length === 3 && listener.total === 3, 'what came later');
    expect(listener.names.slice().sort()).toEqual(['before', 'first', 'second']);
    const { minutes } = listener.told.filter(({ event }) => event === 'counts').at(-1)!.data as {
      minutes: { minute: string; count: number }[];
    };
    expect(minutes).toHaveLength(30);
    expect(minutes.reduce((sum, { count }) => sum + count, 0)).toBe(3);
  });

  test('goes on after Last-Event-ID, and tells nothing twice', async () => {
    const first = await listen();
    await until(() => first.names.includes('second'), 'the newest event');
    const id = first.told.find((one) => one.event === 'events')!.id!;
    first.close();
    await post('meanwhile');
    await stack.drained();
    const again = await listen({ authorization: `Bearer ${ann.accessToken}`, 'last-event-id': id });
    await until(() => again.names.includes('meanwhile') && again.total === 4, 'what was missed');
    expect(again.names).not.toContain('second');
    expect(again.names).not.toContain('first');
    await post('more');
    await until(() => again.names.includes('more'), 'what comes now');
    expect(new Set(again.names).size).toBe(again.names.length);
  });

  test('a clock that runs years ahead neither blinds nor deafens anybody', async () => {
    const ahead = new Date(Date.now() + 3 * 365 * 86_400_000).toISOString();
    for (let i = 0; i < 60; i += 1) await post('ahead', { timestamp: ahead, sentAt: ahead, eventId: `ahead ${i}` });
    await stack.drained();
    await post('after them');
    const listener = await listen();
    await until(() => listener.names.includes('after them'), 'what came after them');
    const [row] = await stack.query<{ id: string }>(
      "SELECT LOWER(HEX(id)) AS id FROM events WHERE event = 'ahead' LIMIT 1",
    );
    const again = await listen({ authorization: `Bearer ${ann.accessToken}`, 'last-event-id': row!.id });
    await post('told all the same');
    await until(() => again.names.includes('told all the same'), 'what came after the reconnection');
    await stack.query("DELETE FROM events WHERE event = 'ahead'");
  });

  test('open views of an account are bounded', async () => {
    const greedy = await signIn(stack.url, 'greedy@x.test');
    const headers = { authorization: `Bearer ${greedy.accessToken}` };
    const streams = await Promise.all(Array.from({ length: 20 }, () => listen(headers)));
    const more = await call(`${stack.url}/api/analytics/live`, { token: greedy.accessToken });
    expect([more.status, more.body.code]).toEqual([429, 'too_many_streams']);
    for (const stream of streams) stream.close();
    await until(async () => {
      const { status } = await call(`${stack.url}/api/analytics/export`, { token: greedy.accessToken });
      return status === 200;
    }, 'room again');
    // Answers that are over hold no place.
    for (let i = 0; i < 25; i += 1) {
      expect((await call(`${stack.url}/api/analytics/export`, { token: greedy.accessToken })).status).toBe(200);
    }
  });

  test('contract: ends within a second of the expiry of its key', async () => {
    const expiresAt = new Date(Date.now() + 2500).toISOString();
    const key = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'], expiresAt });
    const listener = await listen({ 'x-api-key': key.apiKey });
    await until(() => listener.ended, 'the stream to end');
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(key.expiresAt as string));
    expect(Date.now() - Date.parse(key.expiresAt as string)).toBeLessThan(1000 + MARGIN_MS);
  });

  test('of all apps: ends when one of them is deleted', async () => {
    const bob = await signIn(stack.url, 'of-two@x.test');
    const [goes, stays] = [await registerApp(stack.url, bob), await registerApp(stack.url, bob)];
    const headers = { authorization: `Bearer ${bob.accessToken}` };
    const listener = await listen(headers);
    await until(() => listener.total === 0, 'the stream to begin');
    expect((await call(`${stack.url}/api/apps/${goes.id}`, { token: bob.accessToken, method: 'DELETE' })).status).toBe(
      202,
    );
    await until(() => listener.ended, 'the stream to end');
    const again = await listen(headers);
    expect((await call(`${stack.url}/collect`, { key: stays.apiKey, body: { event: 'stays' } })).status).toBe(202);
    await until(() => again.names.includes('stays'), 'the other app');
  });

  test('ends within a second of the revocation of its key, of logout, and of the deletion of its app', async () => {
    const other = await registerApp(stack.url, ann);
    const key = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    const bob = await signIn(stack.url);
    const ofApp = await createKey(stack.url, ann, { appId: other.id, scopes: ['read'] });
    const streams = await Promise.all([
      listen({ 'x-api-key': key.apiKey }),
      listen({ authorization: `Bearer ${bob.accessToken}` }),
      listen({ 'x-api-key': ofApp.apiKey }),
    ]);
    const lasting = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    const stays = await listen({ 'x-api-key': lasting.apiKey });
    const ends = [
      () => call(`${stack.url}/api/auth/revoke`, { token: ann.accessToken, body: { keyId: key.keyId } }),
      () => call(`${stack.url}/api/auth/logout`, { token: bob.accessToken, body: {} }),
      () => call(`${stack.url}/api/apps/${other.id}`, { token: ann.accessToken, method: 'DELETE' }),
    ];
    for (const [i, end] of ends.entries()) {
      expect(streams[i]!.ended).toBe(false);
      await end();
      const endedAt = Date.now();
      await until(() => streams[i]!.ended, 'the stream to end');
      // A machine that does other things beside is given time, but less than the token would have had.
      expect(Date.now() - endedAt).toBeLessThan(5000);
    }
    expect(stays.ended).toBe(false);
  });

  test('a comment comes every 15 seconds where nothing happens', async () => {
    const idle = await signIn(stack.url, 'idle@x.test');
    const listener = await listen({ authorization: `Bearer ${idle.accessToken}` });
    await until(() => listener.text.includes('\n\n: '), 'a comment');
    expect(listener.told).toEqual([]);
  });

  test('a server that stops does not wait for open streams', async () => {
    const api = await stack.startApi();
    const listener = await Listener.to(`${api.url}/api/analytics/live`, { authorization: `Bearer ${ann.accessToken}` });
    await until(() => listener.text !== '', 'the stream to begin');
    expect(await api.process.stop()).toBe(0);
    await until(() => listener.ended, 'the stream to end');
  });
});

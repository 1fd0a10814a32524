import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { encodeEnvelope } from '../../src/events/envelope.js';
import type { AcceptedEvent } from '../../src/events/event.js';
import { FaultServices } from '../faults/services.js';
import { call, registerApp, signIn, type Signed } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { rawCall } from '../support/raw-request.js';
import { ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

/** Looks like nothing else, so that finding it anywhere means that it is there. */
const PERSON = 'erase-me-93ab1f/ü';
const OTHER = 'stays-5d20';
const HOUR = 3_600_000;
const STORED = 2300;

interface Exported {
  profiles: { kind: string; totalEvents: number }[];
  events: { eventId: string }[];
}

describe('erasing a person', () => {
  let services: FaultServices;
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  let kept: AcceptedEvent[];
  let person: string;
  let erasureId: string;

  beforeAll(async () => {
    services = await FaultServices.start();
    stack = await startStack({
      services: services.urls,
      env: { LOG_LEVEL: 'debug', CHUNK_MAX_EVENTS: '400', CLAIM_LEASE_MS: '2000' },
    });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    person = `${stack.url}/api/apps/${app.id}/users/${encodeURIComponent(PERSON)}`;
    await stack.query(`ALTER TABLE events ADD CONSTRAINT storable CHECK (session_id NOT LIKE 'poison%')`);
  });
  afterAll(async () => {
    await stack?.stop();
    await services?.stop();
  });

  const theirs = (said: Partial<AcceptedEvent>): AcceptedEvent =>
    acceptedEvent({ appId: app.id.replaceAll('-', ''), userValue: PERSON, ...said });
  const erasure = async () => (await call(`${stack.url}/api/erasures/${erasureId}`, { token: ann.accessToken })).body;

  test('export: all that the app knows of a person, and nothing of anybody else', async () => {
    const now = Date.now();
    const own = Array.from({ length: STORED }, (_none, i) => theirs({ eventId: `own ${i}`, ...spread(now, i) }));
    kept = own.map((_none, i) => theirs({ eventId: `other ${i}`, userValue: `${OTHER} ${i % 5}`, ...spread(now, i) }));
    const alias = theirs({ eventId: 'alias', userValue: OTHER, anonymousId: PERSON });
    const anonymous = theirs({ eventId: 'anonymous', userKind: 'anonymous', occurredAt: now - 9 * HOUR });
    const dead = theirs({ eventId: 'dead', sessionId: 'poison 1' });
    // Somebody else's dead letter that names them: it stays, without the id.
    const beside = theirs({ eventId: 'beside letter', userValue: OTHER, anonymousId: PERSON, sessionId: 'poison 2' });
    const future = JSON.stringify({ ...JSON.parse(encodeEnvelope(theirs({ eventId: 'future' }))), v: 99 });
    await stack.push(0, ...[...own, ...kept, alias, anonymous, dead, beside].map(encodeEnvelope), future);
    kept.push({ ...alias, anonymousId: undefined });
    await stack.drained();
    const { status, body, headers } = await call(person, { token: ann.accessToken });
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toMatchObject({ userId: PERSON, appId: app.id });
    expect((body as Exported).profiles.map(({ kind, totalEvents }) => [kind, totalEvents])).toEqual([
      ['user', STORED],
      ['anonymous', 1],
    ]);
    expect(new Set((body as Exported).events.map(({ eventId }) => eventId))).toEqual(
      new Set([...own.map((event) => event.eventId), 'anonymous']),
    );
    expect(body.deadLetters).toHaveLength(2);
    expect(JSON.stringify(body)).not.toContain(OTHER);
    const nobody = await call(`${stack.url}/api/apps/${app.id}/users/nobody`, { token: ann.accessToken });
    expect(nobody.body).toMatchObject({ profiles: [], events: [], deadLetters: [] });
  });

  test('somebody else can neither export nor erase, nor see an erasure', async () => {
    const bob = await signIn(stack.url, 'bob@example.test');
    expect((await call(person, { token: bob.accessToken })).status).toBe(404);
    expect((await call(person, { token: bob.accessToken, method: 'DELETE' })).status).toBe(404);
  });

  test('what was received before and is not stored yet is passed over, also by a worker that dies over it', async () => {
    await Promise.all(stack.workers.map((worker) => worker.stop()));
    const pending = Array.from({ length: 900 }, (_none, i) => theirs({ eventId: `pending ${i}`, event: 'pending' }));
    const others = Array.from({ length: 300 }, (_none, i) =>
      theirs({ eventId: `beside ${i}`, event: 'pending', userValue: OTHER }),
    );
    const late = theirs({ eventId: 'late letter', userValue: OTHER, anonymousId: PERSON, sessionId: 'poison 3' });
    await stack.push(1, ...[...pending, ...others, late].map(encodeEnvelope));
    const posted = await call(`${stack.url}/collect`, { key: app.apiKey, body: { event: 'pending', userId: PERSON } });
    expect(posted.status).toBe(202);
    kept.push(...others);
    const { status, body } = await call(person, { token: ann.accessToken, method: 'DELETE' });
    expect([status, body]).toEqual([
      202,
      expect.objectContaining({ subject: 'person', stage: 'rows', finishedAt: null }),
    ]);
    erasureId = body.erasureId;
    const later = theirs({ eventId: 'later', occurredAt: Date.now() - 30 * HOUR, receivedAt: Date.now() + 1000 });
    await stack.push(2, encodeEnvelope(later));
    kept.push(later);
    const dying = await stack.startWorker({
      NODE_OPTIONS: '--import ./test/faults/crash-points.mjs',
      CRASH_AT: 'before-unlink',
    });
    expect(await dying.ended()).toBe('SIGKILL');
    stack.workers.splice(0);
    await Promise.all([stack.startWorker(), stack.startWorker()]);
    await stack.drained();
    await until(async () => (await erasure()).stage === 'done', 'the erasure');
    expect(await erasure()).toMatchObject({ redisFile: 'rewritten', finishedAt: expect.any(String) });
    const [ledger] = await stack.query<{ n: string }>('SELECT SUM(erased) AS n FROM ingest_batches');
    expect(Number(ledger!.n)).toBe(901);
  });

  test('a person whose id is a step in a path can be asked for', async () => {
    const headers = { authorization: `Bearer ${ann.accessToken}` };
    for (const id of ['.', '..']) {
      const { hostname, port } = new URL(stack.url);
      const { status, body } = await rawCall({ hostname, port, path: `/api/apps/${app.id}/users/${id}` }, { headers });
      expect([status, (body as { userId: string }).userId]).toEqual([200, id]);
    }
  });

  test('dead letters of others stay, without the id', async () => {
    const path = `${stack.url}/api/apps/${app.id}/dead-letters`;
    const { data } = (await call(path, { token: ann.accessToken })).body as { data: { entry: string }[] };
    const letters = data.map(({ entry }) => JSON.parse(entry) as { x: string; u: string; n?: string });
    expect(letters.map(({ x, u, n }) => [x, u, n]).sort()).toEqual([
      ['beside letter', OTHER, undefined],
      ['late letter', OTHER, undefined],
    ]);
  });

  test('every count equals one of the remaining events, and the audit agrees', async () => {
    expect(await storedCounts(stack)).toEqual(countNaively(kept));
    const audit = ServerProcess.start('audit-counts', stack.variables);
    expect(await audit.ended()).toBe(0);
    expect(audit.text).toContain('0 differences');
  });

  test('after a restart of Redis the id is in no row, list, dead letter, file of Redis or log', async () => {
    services.signal('redis', 'SIGKILL');
    await until(
      () =>
        stack.redis.ping().then(
          () => true,
          () => false,
        ),
      'Redis to answer again',
      30_000,
    );
    await stack.drained();
    // What came later was welcome; it goes before the search, so that nothing of it is found.
    const again = await call(person, { token: ann.accessToken });
    expect((again.body as Exported).events.map(({ eventId }) => eventId)).toEqual(['later']);
    erasureId = (await call(person, { token: ann.accessToken, method: 'DELETE' })).body.erasureId;
    await until(async () => (await erasure()).stage === 'done', 'the second erasure');
    const traces = [PERSON, encodeURIComponent(PERSON), JSON.stringify(PERSON).slice(1, -1)].map((text) =>
      Buffer.from(text),
    );
    const found: string[] = [];
    for (const { name } of await stack.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
    )) {
      for (const row of await stack.query<Record<string, unknown>>(`SELECT * FROM ${name}`)) {
        const bytes = Buffer.concat(
          Object.values(row).map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)))),
        );
        if (traces.some((trace) => bytes.includes(trace))) found.push(`row of ${name}`);
      }
    }
    for (const file of files(join(services.folder, 'redis'))) {
      if (traces.some((trace) => readFileSync(file).includes(trace))) found.push(file);
    }
    const logs = [...stack.apis.map((api) => api.process), ...stack.workers].map((process) => process.text).join('\n');
    if (traces.some((trace) => logs.includes(trace.toString()))) found.push('a log');
    expect(found).toEqual([]);
    expect(files(join(services.folder, 'redis')).length).toBeGreaterThan(0);
  });
});

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile());
}

/** Over 19 days, names and devices. */
function spread(now: number, i: number): Partial<AcceptedEvent> {
  return { event: `event ${i % 3}`, occurredAt: now - i * 0.2 * HOUR, device: i % 2 ? 'mobile' : 'bot' };
}

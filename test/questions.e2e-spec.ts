import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DataSource, QueryRunner } from 'typeorm';
import { toAppError } from '../src/common/problem.filter.js';
import { createDataSource } from '../src/database/data-source.js';
import { Erasure } from '../src/database/entities/index.js';
import { TURNS } from '../src/questions/question-turns.js';
import { streamsAllowed } from '../src/analytics/open-streams.js';
import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

/** Questions that hang, since a table is locked, and what goes on all the same. */
describe('many questions at once', () => {
  let stack: Stack;
  let ann: Signed;
  let bob: Signed;
  let app: { id: string; apiKey: string };
  let lock: QueryRunner;
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { LOCK_WAIT_TIMEOUT_S: '50' } });
    ann = await signIn(stack.url);
    bob = await signIn(stack.url, 'bob@example.test');
    app = await registerApp(stack.url, ann);
    await registerApp(stack.url, bob);
    lock = stack.db.createQueryRunner();
  });
  beforeEach(() => lock.query('LOCK TABLES event_summary WRITE'));
  afterEach(async () => {
    for (const hangUp of hangUps.splice(0)) hangUp();
    await lock.query('UNLOCK TABLES');
    await untilHanging(0);
  });
  afterAll(async () => {
    await lock?.release();
    await stack?.stop();
  });

  const summary = '/api/analytics/event-summary?startDate=2026-01-01&endDate=2026-01-02';
  const longer = '/api/analytics/event-summary?startDate=2026-01-01&endDate=2026-02-02';
  interface Told {
    status?: number;
    code?: string;
    retryAfter?: string;
  }
  const hangUps: (() => void)[] = [];
  /** A question that hangs. */
  const ask = ({ accessToken }: Signed, path = summary) => {
    let hangUp!: () => void;
    const answer = new Promise<Told>((resolve) => {
      const headers = { authorization: `Bearer ${accessToken}` };
      const sent = request(stack.url + path, { headers, agent: false }, (reply) => {
        void text(reply).then((body) => {
          const { code } = JSON.parse(body) as { code?: string };
          resolve({ status: reply.statusCode, code, retryAfter: reply.headers['retry-after'] });
        });
      });
      sent.on('error', () => resolve({})).end();
      hangUp = () => sent.destroy();
    });
    hangUps.push(hangUp);
    return { answer, status: answer.then(({ status }) => status), hangUp };
  };
  const hanging = async (): Promise<number> => {
    const [row] = await stack.query<{ n: string }>(
      `SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST
      WHERE DB = DATABASE() AND INFO LIKE '%event_summary%' AND INFO NOT LIKE '%PROCESSLIST%'`,
    );
    return Number(row!.n);
  };
  const untilHanging = (n: number) => until(async () => (await hanging()) === n, `${n} statements to wait`);

  test('of one account four are asked, 32 wait, and one more is refused; whatever else goes on', async () => {
    const key = await createKey(stack.url, ann, { appId: app.id });
    const room = TURNS.ofAccount + TURNS.waiting;
    const own = Array.from({ length: room + 5 }, (_none, i) => ask(ann, i % 2 ? summary : longer));
    const answers: Told[] = [];
    for (const { answer } of own) void answer.then((one) => answers.push(one));
    await until(() => answers.length === 5, 'what is too many to be refused');
    expect(answers).toEqual(answers.map(() => ({ status: 429, code: 'too_many_questions', retryAfter: '2' })));
    await untilHanging(TURNS.ofAccount);
    // Sessions, another account's questions, collect, revocation and health have connections of their own.
    expect((await call(`${stack.url}/api/auth/me`, { token: ann.accessToken })).status).toBe(200);
    expect((await call(`${stack.url}/api/analytics/user-stats?userId=b`, { token: bob.accessToken })).status).toBe(200);
    const collect = () => call(`${stack.url}/collect`, { key: key.apiKey, body: { event: 'e' } });
    expect((await collect()).status).toBe(202);
    const revoked = { token: ann.accessToken, body: { keyId: key.keyId } };
    expect((await call(`${stack.url}/api/auth/revoke`, revoked)).status).toBe(200);
    expect((await collect()).status).toBe(401);
    expect((await call(`${stack.url}/ready`)).body.checks).toMatchObject({ mysql: 'ok', revocations: 'ok' });
    expect(await hanging()).toBe(TURNS.ofAccount);
    await lock.query('UNLOCK TABLES');
    const statuses = await Promise.all(own.map(({ status }) => status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(room);
  });

  test('questions whose client has gone are stopped, those that wait and those that MySQL answers', async () => {
    const own = Array.from({ length: 20 }, () => ask(ann, longer));
    await untilHanging(TURNS.ofAccount);
    for (const { hangUp } of own) hangUp();
    await untilHanging(0);
    const next = ask(ann);
    await untilHanging(1);
    await lock.query('UNLOCK TABLES');
    expect(await next.status).toBe(200);
    // The connections that were closed are made anew.
    const again = await Promise.all(Array.from({ length: 10 }, () => ask(ann).status));
    expect(new Set(again)).toEqual(new Set([200]));
  });

  test('a full queue for connections is answered 503 with Retry-After', async () => {
    const small = await createDataSource(stack.env.database, { poolSize: 1, queueLimit: 1 }).initialize();
    const held = small.createQueryRunner();
    try {
      await held.query('SELECT 1');
      const waits = small.query('SELECT 1');
      const refused = toAppError(await small.query('SELECT 1').catch((error: unknown) => error));
      expect([refused.status, refused.code, refused.headers?.['retry-after']]).toEqual([503, 'database_busy', '2']);
      await held.release();
      await waits;
    } finally {
      await small.destroy();
    }
  });

  test('a statement on a connection that is lost is answered 503, whichever way mysql2 says it', async () => {
    const lost = await createDataSource(stack.env.database, { poolSize: 1 }).initialize();
    const runner = lost.createQueryRunner();
    try {
      const [own]: { id: number | string }[] = await runner.query('SELECT CONNECTION_ID() AS id');
      const cut = runner.query('SELECT SLEEP(60)').catch((error: unknown) => error);
      await stack.query('KILL ?', [Number(own!.id)]);
      const after = runner.query('SELECT 1').catch((error: unknown) => error);
      for (const error of [await cut, await after]) {
        const { status, code } = toAppError(error);
        expect([status, code]).toEqual([503, 'service_unavailable']);
      }
    } finally {
      await runner.release();
      await lost.destroy();
    }
  });

  test('a statement that takes too long is ended by the server', async () => {
    const impatient = await createDataSource(stack.env.database, { poolSize: 1, statementMs: 200 }).initialize();
    try {
      // Counts rows without end, on either engine.
      const endless = 'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i FROM n) SELECT COUNT(*) AS n FROM n';
      await impatient.query(`SET SESSION ${await recursionLimit(impatient)} = 4294967295`);
      const ended = toAppError(await impatient.query(endless).catch((error: unknown) => error));
      expect([ended.status, ended.code]).toEqual([503, 'question_too_long']);
      const stated = await impatient.query<{ Value: string }[]>(
        "SHOW SESSION VARIABLES WHERE Variable_name IN ('max_statement_time', 'max_execution_time')",
      );
      expect(['0.200000', '200']).toContain(stated[0]!.Value);
    } finally {
      await impatient.destroy();
    }
  });

  test('a condition without its value is an error, and not one condition less', async () => {
    const erasures = stack.db.getRepository(Erasure);
    await expect(erasures.findBy({ userValue: undefined })).rejects.toThrow('Undefined value');
    await expect(stack.db.manager.delete(Erasure, { userValue: undefined })).rejects.toThrow();
    await expect(stack.db.manager.update(Erasure, {}, { stage: 'done' })).rejects.toThrow();
  });
});

/** The engines name it differently. */
async function recursionLimit(dataSource: DataSource): Promise<string> {
  const [{ version }] = (await dataSource.query('SELECT VERSION() AS version')) as [{ version: string }];
  return version.includes('MariaDB') ? 'max_recursive_iterations' : 'cte_max_recursion_depth';
}

test('an account may have fewer streams the more are open, and always one', () => {
  expect(streamsAllowed(0)).toBe(20);
  expect(streamsAllowed(300)).toBe(10);
  expect(streamsAllowed(499)).toBe(1);
  expect(streamsAllowed(500)).toBe(0);
});

test('accounts that take all they may leave streams for many others', () => {
  let open = 0;
  let accounts = 0;
  for (let room = streamsAllowed(open); room > 0; room = streamsAllowed(open)) {
    let own = 0;
    while (own < streamsAllowed(open)) [own, open] = [own + 1, open + 1];
    accounts += 1;
  }
  expect(accounts).toBeGreaterThan(60);
});

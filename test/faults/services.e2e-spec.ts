import { spawnSync } from 'node:child_process';
import { uuidV7, formatUuid } from '../../src/events/event-id.js';
import { type Answer, call, registerApp, signIn } from '../support/client.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { FaultServices } from './services.js';

/** A tenth of the true ones (the lock wait: its least). */
const TIMES = { LOCK_WAIT_TIMEOUT_S: '1', CLAIM_LEASE_MS: '3000', REGISTRY_MAX_AGE_MS: '90000' };
const MIB = 1024 * 1024;

describe('faults of the services', () => {
  let services: FaultServices;
  let stack: Stack;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    services = await FaultServices.start();
    stack = await startStack({ services: services.urls, env: TIMES });
    app = await registerApp(stack.url, await signIn(stack.url));
  });
  afterAll(async () => {
    await stack?.stop();
    await services?.stop();
  });

  const post = (event: Record<string, unknown> = {}): Promise<Answer> =>
    call(`${stack.url}/collect`, {
      key: app.apiKey,
      body: { event: 'tick', eventId: formatUuid(uuidV7(Date.now())), ...event },
    });
  const stored = async (): Promise<number> =>
    Number((await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM events'))[0]!.n);
  const summed = async (): Promise<number> =>
    Number((await stack.query<{ n: string }>("SELECT SUM(n) AS n FROM event_summary WHERE event = ''"))[0]!.n);
  const metric = async (name: string): Promise<number> => {
    const worker = stack.workers.at(-1)!.records.find((record) => record.msg === 'worker ready')!;
    const { body } = await call(`http://127.0.0.1:${String(worker.port)}/metrics`);
    return Number(new RegExp(`^tallystone_${name} (\\S+)$`, 'm').exec(body)![1]);
  };

  test.each(['SIGSTOP', 'SIGKILL'] as const)(
    'contract §3: Redis away (%s): 503 with Retry-After within 1 s; taken again within 30 s, without a restart',
    async (signal) => {
      services.signal('redis', signal);
      const begun = Date.now();
      let slowest = 0;
      await until(async () => {
        const sent = Date.now();
        const { status, headers } = await post();
        slowest = Math.max(slowest, Date.now() - sent);
        if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        // A Redis that was killed may be back before anybody noticed.
        return status === 503 || (signal === 'SIGKILL' && Date.now() - begun > 3000);
      }, 'a 503');
      expect(slowest).toBeLessThan(1000);
      if (signal === 'SIGSTOP') services.signal('redis', 'SIGCONT');
      await until(async () => (await post()).status === 202, 'events to be taken again');
      await stack.drained(30_000);
      expect(await summed()).toBe(await stored());
    },
  );

  test('Redis full: refused before it is, and drained although it is', async () => {
    const used = async () => Number(/used_memory:(\d+)/.exec(await stack.redis.info('memory'))![1]);
    await stack.workers[0]!.stop();
    const before = await stored();
    await stack.redis.config('SET', 'maxmemory', String((await used()) + 6 * MIB));
    const metadata = { text: 'x'.repeat(20_000) };
    let taken = 0;
    let refused: Answer;
    for (;;) {
      refused = await post({ metadata });
      if (refused.status !== 202) break;
      taken += 1;
    }
    expect([refused.status, refused.body.code]).toEqual([503, 'buffer_full']);
    expect(refused.headers.get('retry-after')).toBe('5');
    // Somebody else takes what is left of it.
    const others: string[] = [];
    const fill = async (bytes: number): Promise<never> => {
      for (;;) {
        await stack.redis.set(`other ${others.length}`, 'x'.repeat(bytes));
        others.push(`other ${others.length}`);
      }
    };
    for (const bytes of [100_000, 1000]) await expect(fill(bytes)).rejects.toThrow('OOM');
    await stack.startWorker();
    await stack.drained(30_000);
    expect((await stored()) - before).toBe(taken);
    await stack.redis.config('SET', 'maxmemory', '0');
    await stack.redis.unlink(others);
    await until(async () => (await post()).status === 202, 'events to be taken again');
  });

  test('MySQL has no room on its disk: what was accepted waits, none of it is a dead letter, and is counted once there is', async () => {
    await stack.drained(30_000);
    // As the server says it (ER_DISK_FULL), from a trigger of the test's own.
    await stack.query(`CREATE TRIGGER no_room BEFORE INSERT ON events FOR EACH ROW
      SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'Disk full'`);
    const before = await stored();
    try {
      for (let i = 0; i < 20; i += 1) expect((await post()).status).toBe(202);
      const failures = await metric('drain_failures_total');
      await until(async () => (await metric('drain_failures_total')) > failures, 'a drain to fail');
      expect([await stored(), await stack.pending()]).toEqual([before, expect.any(Number)]);
      expect(await stack.pending()).toBeGreaterThan(0);
    } finally {
      await stack.query('DROP TRIGGER no_room');
    }
    await stack.drained(40_000);
    expect([await stored(), await summed()]).toEqual([before + 20, before + 20]);
    expect(await stack.query('SELECT code FROM dead_letters')).toEqual([]);
  });

  test('Redis has no room on its disk: nothing is acknowledged that is not on it; afterwards events are taken again', async () => {
    await stack.drained(30_000);
    const before = await stored();
    // Its files may grow no more: a write fails as on a full disk. (util-linux; a Redis that is started again is free of it.)
    const pid = String(services.pid('redis'));
    const limited = spawnSync('prlimit', ['--pid', pid, '--fsize=1:1']);
    expect(limited.status).toBe(0);
    let acknowledged = 0;
    let refused = 0;
    await until(async () => {
      const { status } = await post();
      if (status === 202) acknowledged += 1;
      else refused += 1;
      // It may have ended itself, as it does when it must sync and cannot, and be back: then all is well again.
      return acknowledged > 5 && (refused > 0 || services.pid('redis') !== Number(pid));
    }, 'a refusal, or another Redis');
    await stack.drained(40_000);
    // What was answered with an error may be there too: it is not known, and so is sent again by its sender.
    expect(await stored()).toBeGreaterThanOrEqual(before + acknowledged);
    expect(await stored()).toBeLessThanOrEqual(before + acknowledged + refused);
    expect(await summed()).toBe(await stored());
  });

  test('a row lock held past the lock wait timeout: the chunk is tried again, and nothing fails', async () => {
    await post();
    await stack.drained();
    const failures = await metric('drain_failures_total');
    const blocker = stack.db.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query("SELECT n FROM event_summary WHERE event = '' FOR UPDATE");
    const retries = await metric('chunk_retries_total');
    const { status } = await post();
    await until(async () => (await metric('chunk_retries_total')) >= retries + 2, 'the chunk to be tried again');
    await blocker.rollbackTransaction();
    await blocker.release();
    await stack.drained();
    expect(status).toBe(202);
    expect(await metric('drain_failures_total')).toBe(failures);
    expect(await summed()).toBe(await stored());
  });

  test('contract §3: MySQL away: events are taken, /ready is degraded; afterwards the backlog drains by itself', async () => {
    const before = await stored();
    services.signal('mysql', 'SIGSTOP');
    await until(async () => (await call(`${stack.url}/ready`)).body.status === 'degraded', '/ready to say so');
    const answers = await Promise.all(Array.from({ length: 50 }, () => post()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    services.signal('mysql', 'SIGCONT');
    services.signal('mysql', 'SIGKILL');
    expect((await post()).status).toBe(202);
    await until(async () => (await stored().catch(() => 0)) === before + 51, 'the backlog to drain');
    expect(await summed()).toBe(before + 51);
  });

  describe('REDIS_DURABILITY', () => {
    afterEach(async () => {
      await stack.redis.config('SET', 'appendfsync', 'always');
      await stack.redis.config('SET', 'no-appendfsync-on-rewrite', 'no');
      await stack.redis.config('SET', 'maxmemory-policy', 'noeviction');
    });

    const starts = async (mode: string, env: Record<string, string> = {}): Promise<ServerProcess> => {
      const variables = { ...stack.variables, REDIS_DURABILITY: mode, PORT: String(await freePort()), ...env };
      const api = ServerProcess.start('main', variables);
      await until(() => !api.running || api.text.includes('ready http'), 'a start or an end');
      return api;
    };

    test('fsync refuses what is weaker, names it, and names both ways out', async () => {
      await stack.redis.config('SET', 'appendfsync', 'everysec');
      const api = await starts('fsync');
      expect(await api.ended()).toBe(1);
      expect(api.text).toContain('appendfsync everysec');
      expect(api.text).toMatch(/appendfsync always.*REDIS_DURABILITY=vouched/s);
    });

    test('fsync refuses a Redis that does not sync while it rewrites its file', async () => {
      await stack.redis.config('SET', 'no-appendfsync-on-rewrite', 'yes');
      const api = await starts('fsync');
      expect(await api.ended()).toBe(1);
      expect(api.text).toMatch(/has .*no-appendfsync-on-rewrite yes.*set .*no-appendfsync-on-rewrite no/s);
    });

    test('vouched and relaxed start on it; relaxed says so in /ready', async () => {
      await stack.redis.config('SET', 'appendfsync', 'everysec');
      for (const mode of ['vouched', 'relaxed']) {
        const api = await starts(mode);
        const [, url] = /ready (http:\S+?)"/.exec(api.text)!;
        expect((await call(`${url}/ready`)).body.durability).toBe(mode);
        expect(/can be lost when Redis/.test(api.text)).toBe(mode === 'relaxed');
        expect(await api.stop()).toBe(0);
      }
    });

    test('a Redis that hides CONFIG is refused by fsync, and taken where it is vouched for', async () => {
      await stack.redis.call('ACL', 'SETUSER', 'default', '-config');
      try {
        const refused = await starts('fsync');
        expect(await refused.ended()).toBe(1);
        expect(refused.text).toContain('CONFIG is not allowed');
        expect(await (await starts('vouched')).stop()).toBe(0);
      } finally {
        await stack.redis.call('ACL', 'SETUSER', 'default', '+config');
      }
    });

    test('one that evicts keys is refused always', async () => {
      await stack.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
      for (const mode of ['fsync', 'vouched', 'relaxed']) {
        const api = await starts(mode);
        expect(await api.ended()).toBe(1);
        expect(api.text).toContain('allkeys-lru');
      }
    });
  });

  describe('MYSQL_DURABILITY', () => {
    afterEach(() => flush(1));

    const flush = (value: number): Promise<unknown> =>
      stack.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${value}`);
    const starts = async (mode: string): Promise<ServerProcess> => {
      const worker = ServerProcess.start('worker', { ...stack.variables, MYSQL_DURABILITY: mode });
      await until(() => !worker.running || worker.text.includes('worker ready'), 'a start or an end');
      return worker;
    };

    test('what `npm start` runs syncs each commit, and a worker says nothing of it', async () => {
      const [row] = await stack.query<{ flush: number }>('SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS flush');
      expect(Number(row!.flush)).toBe(1);
      const worker = await starts('fsync');
      expect(worker.text).not.toContain('innodb_flush_log_at_trx_commit');
      expect(await worker.stop()).toBe(0);
    });

    test('fsync refuses a MySQL that loses commits when it is killed, and names the ways out', async () => {
      await flush(0);
      const worker = await starts('fsync');
      expect(await worker.ended()).toBe(1);
      expect(worker.text).toMatch(
        /innodb_flush_log_at_trx_commit 0.*set innodb_flush_log_at_trx_commit to 1.*MYSQL_DURABILITY=vouched/s,
      );
    });

    test('fsync warns once of a MySQL that loses commits with power', async () => {
      await flush(2);
      const worker = await starts('fsync');
      const told = worker.records.filter(({ msg }) => String(msg).includes('innodb_flush_log_at_trx_commit 2'));
      expect(told).toMatchObject([{ level: 'warn', notice: true }]);
      expect(await worker.stop()).toBe(0);
    });

    test('vouched and relaxed start on any; relaxed says so', async () => {
      await flush(0);
      for (const mode of ['vouched', 'relaxed']) {
        const worker = await starts(mode);
        expect(/can be lost when MySQL/.test(worker.text)).toBe(mode === 'relaxed');
        expect(await worker.stop()).toBe(0);
      }
    });
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { BufferKeys, OLD_LIST_COUNT } from '../../src/buffer/buffer-keys.js';
import { BufferWriter } from '../../src/buffer/buffer-writer.js';
import { Env } from '../../src/config/env.js';
import { createDataSource } from '../../src/database/data-source.js';
import { migrate } from '../../src/database/migrate.js';
import { encodeEnvelope, envelopeReceivedAt } from '../../src/events/envelope.js';
import type { AcceptedEvent } from '../../src/events/event.js';
import { dropReadModel, emptyReadModel, type EngineUrls, sharedEngine, TestEngine } from './engine.js';
import { freePort, ServerProcess } from './server-process.js';
import { until } from './until.js';

export interface StackOptions {
  /** Default 1 each. */
  apis?: number;
  workers?: number;
  /** Instead of the services that all tests share. */
  services?: { databaseUrl: string; redisUrl: string };
  /**
   * `shared` (the default): a database of the stack's own in the engine that all tests share. `own`: an engine of its own,
   * `stack.engine`, which a test may freeze or end. `none`: there is no ClickHouse.
   */
  engine?: 'shared' | 'own' | 'none';
  /** Added to, or instead of, what the stack sets. */
  env?: Record<string, string>;
}

let stacks = 0;

const COPY_COMPLETE = `SELECT 1 FROM read_model WHERE enabled = 1 AND complete_at IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM outbox) AND NOT EXISTS (SELECT 1 FROM archive_outbox)`;

/** Whether the API knows that the copy is complete. */
function asksReadModel({ process }: { process: ServerProcess }): boolean {
  const told = process.records.findLast(({ msg }) => /^(ClickHouse|MySQL) answers questions$/.test(String(msg)));
  return told?.msg === 'ClickHouse answers questions';
}

/**
 * The product as it runs for people, of its own: a database built by the migrations, a Redis prefix, API and worker
 * processes from dist/. `npm test` starts the services and names them in TEST_DATABASE_URL and TEST_REDIS_URL.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { TEST_DATABASE_URL, TEST_REDIS_URL, JEST_WORKER_ID, PATH, HOME } = process.env;
  const { databaseUrl = TEST_DATABASE_URL, redisUrl = TEST_REDIS_URL } = options.services ?? {};
  if (!databaseUrl || !redisUrl) throw new Error('Run the tests by `npm test`: it starts their services');
  const name = `tallystone_test_${JEST_WORKER_ID}_${(stacks += 1)}`;
  const engine = options.engine === 'own' ? await new TestEngine().start() : undefined;
  const shared = engine || options.engine === 'none' ? undefined : await emptyReadModel(sharedEngine(), name);
  const database = new URL(databaseUrl);
  database.pathname = `/${name}`;
  const variables: Record<string, string> = {
    PATH: PATH ?? '',
    HOME: HOME ?? '',
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    DATA_DIR: mkdtempSync(join(tmpdir(), 'tallystone-test-')),
    DATABASE_URL: database.href,
    REDIS_URL: redisUrl,
    REDIS_KEY_PREFIX: `${name}:`,
    ...engine?.urls,
    ...shared,
    // The services that all tests share are fast rather than safe.
    MYSQL_DURABILITY: options.services ? 'fsync' : 'relaxed',
    FLUSH_INTERVAL_MS: '100',
    // What a killed worker left is copied after four thirds of it.
    COPY_TIMEOUT_MS: '4000',
    RATE_LIMITS:
      'signin=10000,bodies=10000,refused_keys=100000,anonymous=100000,reads=1000000,changes=1000000,regenerate=1000000',
    ...options.env,
  };
  const env = Env.load('command', variables);
  const db = await emptyDatabase(env);
  const redis = new Redis({ ...env.redis, lazyConnect: false });
  await deleteKeys(redis, env.redisKeyPrefix);
  const stack = new Stack(variables, env, db, redis, { own: engine, shared });
  try {
    for (let i = 0; i < (options.apis ?? 1); i += 1) await stack.startApi();
    for (let i = 0; i < (options.workers ?? 1); i += 1) await stack.startWorker();
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

export class Stack {
  readonly apis: { process: ServerProcess; url: string }[] = [];
  readonly workers: ServerProcess[] = [];
  readonly keys: BufferKeys;
  readonly writer: BufferWriter;
  private mysqlAnswers = false;

  constructor(
    readonly variables: Record<string, string>,
    readonly env: Env,
    readonly db: DataSource,
    readonly redis: Redis,
    private readonly engines: { own?: TestEngine | undefined; shared?: EngineUrls | undefined } = {},
  ) {
    this.keys = new BufferKeys(env.redisKeyPrefix);
    this.writer = new BufferWriter(redis, this.keys, env);
  }

  /** The engine that is this stack's alone: of one started with `engine: 'own'`. */
  get engine(): TestEngine {
    return this.engines.own!;
  }

  /** Address of the first API process. */
  get url(): string {
    return this.apis[0]!.url;
  }

  async startApi(env: Record<string, string> = {}): Promise<{ process: ServerProcess; url: string }> {
    const port = env.PORT ?? String(await freePort());
    const process = ServerProcess.start('main', { ...this.variables, ...env, PORT: port });
    const url = `http://127.0.0.1:${port}`;
    const api = { process, url };
    this.apis.push(api);
    await process.ready(() => process.records.some((record) => String(record.msg).startsWith('ready ')));
    return api;
  }

  async startWorker(env: Record<string, string> = {}): Promise<ServerProcess> {
    const worker = ServerProcess.start('worker', { ...this.variables, ...env });
    this.workers.push(worker);
    await worker.ready(() => worker.records.some((record) => record.msg === 'worker ready'));
    return worker;
  }

  query<T>(sql: string, parameters: unknown[] = []): Promise<T[]> {
    return this.db.query(sql, parameters);
  }

  /** Everything that was accepted is committed. */
  async committed(timeoutMs?: number): Promise<void> {
    await until(async () => (await this.pending()) === 0, 'the buffer to be empty', timeoutMs);
  }

  /** Everything that was accepted is committed and, where there is a ClickHouse, copied; and the APIs ask it from now on. */
  async drained(timeoutMs?: number): Promise<void> {
    await this.committed(timeoutMs);
    if (!this.env.readModel || this.mysqlAnswers || !this.workers.some(({ running }) => running)) return;
    const copied = async () => (await this.query(COPY_COMPLETE)).length > 0;
    await until(copied, 'every event to be copied', timeoutMs);
    const askReadModel = () => this.apis.every((api) => !api.process.running || asksReadModel(api));
    await until(askReadModel, 'the APIs to ask ClickHouse', timeoutMs);
  }

  /** Switches the copy off, for good, and waits until the APIs ask MySQL. */
  async answersFromMysql(): Promise<void> {
    this.mysqlAnswers = true;
    await this.query('UPDATE read_model SET enabled = 0, complete_at = NULL');
    await until(() => !this.apis.some(asksReadModel), 'the APIs to ask MySQL');
  }

  /** Apps of one owner, for events that went straight into the buffer: questions ask whose they are. */
  async ownApps(...ids: string[]): Promise<void> {
    const owner = Buffer.alloc(16, 9);
    const user = 'INSERT INTO users (id, provider, subject, email, last_sign_in_at) VALUES (?, ?, ?, ?, NOW(3))';
    await this.query(user, [owner, 'test', 'owner', 'owner@x.test']);
    const app = 'INSERT INTO apps (id, owner_id, name) VALUES (?, ?, ?)';
    for (const id of ids) await this.query(app, [Buffer.from(id, 'hex'), owner, 'App']);
  }

  /** Puts events of several accounts into the buffer, and waits until they are committed. */
  async store(events: readonly AcceptedEvent[]): Promise<void> {
    for (const [index, event] of events.entries()) await this.push(index % 4, encodeEnvelope(event));
    await this.drained();
  }

  /** Accepted events that are not committed, and claims. */
  async pending(): Promise<number> {
    let found = 0;
    // First the lists of release 0.1: what a worker takes from them meanwhile is in the figures that are read afterwards.
    for (let list = 0; list < OLD_LIST_COUNT; list += 1) {
      const tag = `${this.keys.prefix}{ingest:${list}}:`;
      found += (await this.redis.llen(`${tag}pending`)) + (await this.redis.zcard(`${tag}claims`));
    }
    found += Number((await this.redis.hget(this.keys.usage, 'events')) ?? 0);
    return found + (await this.redis.zcard(this.keys.claims));
  }

  /** Entries that no worker has claimed, in no order. */
  async waiting(): Promise<string[]> {
    const segments = await this.redis.zrange(this.keys.waiting, 0, -1);
    return (await Promise.all(segments.map((one) => this.redis.lrange(this.keys.segment(one), 0, -1)))).flat();
  }

  /** Puts entries into the buffer as an API process would, or as none should. @param account any number */
  async push(account: number, ...entries: string[]): Promise<void> {
    const times = entries.map((entry) => envelopeReceivedAt(entry) ?? Date.now());
    const id = account.toString(16).padStart(32, '0');
    const { outcome } = await this.writer.append(id, entries, Math.min(...times));
    if (outcome !== 'kept') throw new Error(`The buffer refused entries: ${outcome}`);
  }

  /** Throws away what is pending. Only while no worker runs. */
  async emptyBuffer(): Promise<void> {
    await deleteKeys(this.redis, this.keys.base);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.apis.map((api) => api.process), ...this.workers].map((server) => server.stop()));
    await deleteKeys(this.redis, this.env.redisKeyPrefix);
    this.redis.disconnect();
    await this.db.query(`DROP DATABASE \`${this.env.database.database}\``);
    await this.db.destroy();
    if (this.engines.shared) await dropReadModel(this.engines.shared, this.env.readModel!.database);
    await this.engines.own?.end();
    rmSync(this.env.dataDir, { recursive: true, force: true });
  }
}

/** A run that was cut short may have left its database behind. */
async function emptyDatabase(env: Env): Promise<DataSource> {
  const { database, ...server } = env.database;
  const connection = await createConnection(server);
  await connection.query(`DROP DATABASE IF EXISTS \`${database}\``);
  await connection.end();
  await migrate(env.database);
  return createDataSource(env.database, { poolSize: 4 }).initialize();
}

async function deleteKeys(redis: Redis, prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
    if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
  }
}

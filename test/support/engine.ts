import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { freePort, ServerProcess } from './server-process.js';

const PASSWORDS = { questions: 'a-password-for-questions', copying: 'a-password-for-copying' };
export type EngineUser = keyof typeof PASSWORDS;

/** By which variables a process of the product reaches a database of an engine. */
export interface EngineUrls {
  CLICKHOUSE_URL: string;
  CLICKHOUSE_COPY_URL: string;
}

/** A client that logs nothing, and must be closed. @param url with user and password, and maybe a database */
export function clickhouseClient(url: string): ClickHouseClient {
  return createClient({ url, log: { level: ClickHouseLogLevel.OFF } });
}

/** The engine as a process of its own on a folder of its own, for tests that end, freeze or fill it. */
export class TestEngine {
  readonly folder = mkdtempSync(join(process.env.TEST_DIR ?? tmpdir(), 'engine-'));
  process!: ServerProcess;
  private port = 0;

  /** Starts it, always at the same port. */
  async start(env: Record<string, string> = {}): Promise<this> {
    this.port ||= await freePort();
    const variables = {
      PATH: process.env.PATH!,
      UV_THREADPOOL_SIZE: '16',
      DATA_DIR: this.folder,
      ENGINE_PORT: String(this.port),
      ENGINE_MEMORY: '512M',
      ENGINE_QUESTION_PASSWORD: PASSWORDS.questions,
      ENGINE_COPY_PASSWORD: PASSWORDS.copying,
      ...env,
    };
    this.process = ServerProcess.start('engine', variables);
    await this.process.ready(() => this.process.text.includes('engine ready'));
    return this;
  }

  get urls(): EngineUrls {
    return { CLICKHOUSE_URL: this.url('questions'), CLICKHOUSE_COPY_URL: this.url('copying') };
  }

  client(user: EngineUser, other: { password?: string; database?: string } = {}): ClickHouseClient {
    return clickhouseClient(this.url(user, other));
  }

  /** Stops it, frozen or not, and removes its files. */
  async end(): Promise<void> {
    if (this.process?.running) {
      this.process.child.kill('SIGCONT');
      await this.process.stop();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private url(user: EngineUser, { password = PASSWORDS[user], database = 'tallystone' } = {}): string {
    return `http://${user}:${password}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }
}

/** The engine that `npm test` started, which all tests share. */
export function sharedEngine(): EngineUrls {
  const { TEST_CLICKHOUSE_URL: CLICKHOUSE_URL, TEST_CLICKHOUSE_COPY_URL: CLICKHOUSE_COPY_URL } = process.env;
  if (!CLICKHOUSE_URL || !CLICKHOUSE_COPY_URL) throw new Error('Run the tests by `npm test`: it starts the engine');
  return { CLICKHOUSE_URL, CLICKHOUSE_COPY_URL };
}

/** Makes an empty database in an engine. @returns its addresses */
export async function emptyReadModel(urls: EngineUrls, name: string): Promise<EngineUrls> {
  await dropReadModel(urls, name);
  await command(urls, `CREATE DATABASE ${name} ENGINE = Atomic`);
  const named = Object.entries(urls).map(([variable, text]: [string, string]) => {
    const url = new URL(text);
    url.pathname = `/${name}`;
    return [variable, url.href];
  });
  return Object.fromEntries(named) as EngineUrls;
}

export function dropReadModel(urls: EngineUrls, name: string): Promise<void> {
  return command(urls, `DROP DATABASE IF EXISTS ${name} SYNC`);
}

async function command({ CLICKHOUSE_COPY_URL }: EngineUrls, query: string): Promise<void> {
  const url = new URL(CLICKHOUSE_COPY_URL);
  // A database that is not there yet, or about to go, cannot be named by the request.
  url.pathname = '/';
  const client = clickhouseClient(url.href);
  try {
    await client.command({ query });
  } finally {
    await client.close();
  }
}

import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as util from 'node:util';
import { call, registerApp, signIn } from './support/client.js';
import { clickhouseClient } from './support/engine.js';
import { type Launcher, ProjectCopy } from './support/project-copy.js';
import { freePort } from './support/server-process.js';
import { until } from './support/until.js';

const EMBEDDED = { ENGINE: 'embedded', ENGINE_MEMORY: '512M' };
const READY = 'The ClickHouse engine is ready';
const copy = new ProjectCopy();
const { folder, path: project } = copy;

afterAll(() => copy.remove());

/** What `run/env` tells scripts. */
function runEnv(launcher: Launcher): Record<string, string> {
  return util.parseEnv(readFileSync(join(launcher.dataDir, 'run', 'env'), 'utf8')) as Record<string, string>;
}

/** The same, in a database that the worker does not fill: its tables hold no rows of apps. */
function keptUrls(launcher: Launcher): { asking: string; copying: string } {
  const { CLICKHOUSE_URL, CLICKHOUSE_COPY_URL } = runEnv(launcher);
  const [asking, copying] = [CLICKHOUSE_URL!, CLICKHOUSE_COPY_URL!].map((url) => url.replace(/tallystone$/, 'kept_db'));
  return { asking: asking!, copying: copying! };
}

async function engineAnswers(url: string): Promise<boolean> {
  // fetch takes no address that holds a password.
  return (await fetch(`http://${new URL(url).host}/ping`).catch(() => undefined))?.ok === true;
}

function variables(launcher: Launcher, process: string): Record<string, string> {
  const text = readFileSync(`/proc/${launcher.pid(process)}/environ`, 'utf8');
  return Object.fromEntries(text.split('\0').map((entry) => [entry.split('=', 1)[0]!, entry.replace(/^[^=]*=/, '')]));
}

function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Posts an event and reads the count: the product collects and answers. */
async function assertCounts(url: string): Promise<void> {
  const signed = await signIn(url);
  const app = await registerApp(url, signed);
  const sent = await call(`${url}/api/analytics/collect`, { key: app.apiKey, body: { event: 'sign_up', userId: 'a' } });
  expect([sent.status, sent.body]).toEqual([202, expect.anything()]);
  const summary = `${url}/api/analytics/event-summary?app_id=${app.id}`;
  const counted = async (): Promise<boolean> => (await call(summary, { token: signed.accessToken })).body?.count === 1;
  await until(counted, 'the event to be counted');
}

describe('npm start with the engine', () => {
  const dataDir = join(folder, 'engine');
  let port: number;
  let launcher: Launcher;
  let secrets: string[];
  const start = (env: Record<string, string> = {}): Launcher => copy.start(dataDir, port, { ...EMBEDDED, ...env });

  beforeAll(async () => {
    port = await freePort();
    launcher = await start({ LOG_LEVEL: 'debug' }).ready();
    await until(() => launcher.output.includes(READY), 'the engine to be ready');
    secrets = ['engine_question_password', 'engine_copy_password'].map((name) =>
      readFileSync(join(dataDir, 'secrets', name), 'utf8').trim(),
    );
  });

  test('is ready before the engine, whose two users are who they say', async () => {
    expect(launcher.output.indexOf(`ready ${launcher.url}`)).toBeLessThan(launcher.output.indexOf(READY));
    const urls = keptUrls(launcher);
    const first = clickhouseClient(runEnv(launcher).CLICKHOUSE_COPY_URL!);
    await first.command({ query: 'CREATE DATABASE kept_db' });
    await first.close();
    const [asking, copying] = [clickhouseClient(urls.asking), clickhouseClient(urls.copying)];
    try {
      await copying.command({ query: 'CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n' });
      await copying.insert({ table: 'kept', values: [[1]], format: 'JSONCompactEachRow' });
      expect(await (await asking.query({ query: 'SELECT n FROM kept', format: 'TabSeparated' })).text()).toBe('1\n');
      await expect(asking.command({ query: 'DROP TABLE kept' })).rejects.toThrow(/one SELECT/);
    } finally {
      await Promise.all([asking.close(), copying.close()]);
    }
  });

  test('gives each process what it needs of it, and keeps passwords out of logs and command lines', () => {
    const [question, copyPassword] = secrets as [string, string];
    const holders = ['engine', 'api', 'worker', 'mysql', 'redis'].map((process) => {
      const text = JSON.stringify(variables(launcher, process));
      return [process, text.includes(question), text.includes(copyPassword)];
    });
    expect(holders).toEqual([
      ['engine', true, true],
      ['api', true, false],
      ['worker', true, true],
      ['mysql', false, false],
      ['redis', false, false],
    ]);
    expect(variables(launcher, 'engine')).toMatchObject({ UV_THREADPOOL_SIZE: '9', ENGINE_MEMORY: '512M' });
    expect(Object.keys(variables(launcher, 'engine')).filter((name) => /_URL|TOKEN/.test(name))).toEqual([]);
    for (const name of ['api', 'worker'])
      expect(Object.keys(variables(launcher, name)).filter((variable) => variable.startsWith('ENGINE'))).toEqual([]);
    const logs = readdirSync(join(dataDir, 'logs')).map((name) => readFileSync(join(dataDir, 'logs', name), 'utf8'));
    const lines = launcher.pids().concat(launcher.pid('engine'));
    const commands = lines.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    for (const text of [...logs, ...commands, launcher.output])
      for (const secret of secrets) expect(text).not.toContain(secret);
    for (const name of readdirSync(join(dataDir, 'secrets')))
      expect([name, statSync(join(dataDir, 'secrets', name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(statSync(join(dataDir, 'clickhouse')).mode & 0o777).toBe(0o700);
  });

  test('starts the engine again at the same address when it dies, and says what it said', async () => {
    const { CLICKHOUSE_URL } = runEnv(launcher);
    const before = launcher.pid('engine');
    process.kill(before, 'SIGKILL');
    await until(() => launcher.output.includes('engine ended by itself (SIGKILL)'), 'a message');
    await until(() => launcher.pid('engine') !== before && engineAnswers(CLICKHOUSE_URL!), 'the engine to answer');
    await assertCounts(launcher.url);
  });

  test('shows which question ran when the engine ends itself, being too large, and starts it again', async () => {
    const urls = keptUrls(launcher);
    let before = launcher.pid('engine');
    const { host, username, password } = new URL(urls.copying);
    const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` };
    const [asking, copying] = [clickhouseClient(urls.asking), clickhouseClient(urls.copying)];
    await copying.command({ query: 'CREATE TABLE swallowed (n UInt8) ENGINE = Null' });
    // Inserts wait for their turn, each with its rows in memory.
    const query = new URLSearchParams({ query: 'INSERT INTO swallowed FORMAT TabSeparated', database: 'kept_db' });
    const body = Buffer.alloc(30 * 1024 * 1024, '1\n');
    const told = () => launcher.output.includes('This question ran: SELECT sleepEachRow(3) FROM kept');
    // Again and again: on a busy machine the rows may come after the first questions have ended.
    const repeat = async (ask: () => Promise<unknown>): Promise<void> => {
      do await ask().catch(() => undefined);
      while (!told() && launcher.pid('engine') === before);
    };
    const overload = () =>
      Promise.all([
        ...[1, 2, 3].map(() => repeat(() => asking.query({ query: 'SELECT sleepEachRow(3) FROM kept' }))),
        ...[1, 2, 3].map(() => repeat(() => copying.query({ query: 'SELECT sleep(3)' }))),
        ...Array.from({ length: 24 }, () =>
          repeat(() => fetch(`http://${host}/?${query}`, { method: 'POST', headers, body })),
        ),
      ]);
    const isBack = () => engineAnswers(urls.asking);
    await overload();
    // The engine may have ended between two questions: then it is overloaded once more.
    await until(async () => {
      if (told()) return true;
      if (launcher.pid('engine') === before || !(await isBack())) return false;
      before = launcher.pid('engine');
      await overload();
      return told();
    }, 'a message');
    expect(launcher.output).toMatch(
      /engine ended by itself \(SIGKILL\)[^]*The engine holds \d+ MiB, and ENGINE_MEMORY/,
    );
    await until(() => launcher.pid('engine') !== before && isBack(), 'the engine to answer');
    await Promise.all([asking.close(), copying.close()]);
  });

  test('ends the engine that a killed launcher left, and starts one with the same passwords and data', async () => {
    const left = launcher.pid('engine');
    await launcher.kill('SIGKILL');
    expect(lives(left)).toBe(true);
    launcher = await start().ready();
    expect(launcher.output).toContain(`Ending the engine process that an earlier launcher left behind (pid ${left})`);
    expect(lives(left)).toBe(false);
    await until(() => launcher.output.includes(READY), 'the engine to be ready');
    const asking = clickhouseClient(keptUrls(launcher).asking);
    expect(await (await asking.query({ query: 'SELECT n FROM kept', format: 'TabSeparated' })).text()).toBe('1\n');
    await asking.close();
    expect(runEnv(launcher).CLICKHOUSE_URL).toContain(secrets[0]);
  });

  test('refuses to run a second engine on the folder', async () => {
    const second = copy.run('run.mjs', dataDir, EMBEDDED, ['engine']);
    expect(await second.ended()).toBe(1);
    expect(second.output).toContain(`runs already (pid ${launcher.pid('engine')})`);
  });

  test('leaves no engine behind on SIGTERM', async () => {
    const { CLICKHOUSE_URL } = runEnv(launcher);
    const pid = launcher.pid('engine');
    expect(await launcher.kill('SIGTERM')).toBe(0);
    expect([lives(pid), await engineAnswers(CLICKHOUSE_URL!)]).toEqual([false, false]);
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);
  });

  test('start:engine runs it alone, on the same passwords', async () => {
    const enginePort = String(await freePort());
    const alone = copy.run('run.mjs', dataDir, { ...EMBEDDED, ENGINE_PORT: enginePort }, ['engine']);
    const url = `http://questions:${secrets[0]}@127.0.0.1:${enginePort}/kept_db`;
    await until(() => alone.code !== undefined || engineAnswers(url), 'the engine to answer');
    expect([alone.code, alone.output]).toEqual([undefined, expect.stringContaining(`127.0.0.1:${enginePort}`)]);
    for (const secret of secrets) expect(alone.output).not.toContain(secret);
    const asking = clickhouseClient(url);
    expect(await (await asking.query({ query: 'SELECT n FROM kept', format: 'TabSeparated' })).text()).toBe('1\n');
    await asking.close();
    expect(await alone.kill('SIGTERM')).toBe(0);
  });
});

describe('npm start without an engine of its own', () => {
  /** One after the other serves from it. */
  const dataDir = join(folder, 'without');

  test('ENGINE=none: collects and answers, and says what is missing', async () => {
    const launcher = await copy.start(dataDir, await freePort(), { ENGINE: 'none' }).ready();
    await until(
      () => launcher.output.includes('No ClickHouse engine runs (ENGINE=none): events are collected'),
      'a message',
    );
    expect(launcher.output).toMatch(/To have one, start without ENGINE=none, or set CLICKHOUSE_URL/);
    await assertCounts(launcher.url);
    expect(existsSync(launcher.pidFile('engine'))).toBe(false);
    expect(Object.keys(runEnv(launcher)).filter((name) => name.startsWith('CLICKHOUSE'))).toEqual([]);
    await launcher.kill('SIGTERM');
  });

  test('CLICKHOUSE_URL: that server is told to the processes, and no engine is started', async () => {
    const file = join(folder, 'clickhouse-url');
    writeFileSync(file, 'http://reader:password-of-own-server@127.0.0.1:1/stats\n');
    const env = { ENGINE: 'embedded', CLICKHOUSE_URL_FILE: file };
    const launcher = await copy.start(dataDir, await freePort(), env).ready();
    await assertCounts(launcher.url);
    expect(variables(launcher, 'api')).toMatchObject({
      CLICKHOUSE_URL: 'http://reader:password-of-own-server@127.0.0.1:1/stats',
    });
    expect(launcher.output).not.toMatch(/engine/i);
    const logs = readdirSync(join(dataDir, 'logs')).map((name) => readFileSync(join(dataDir, 'logs', name), 'utf8'));
    for (const text of [launcher.output, ...logs]) expect(text).not.toContain('password-of-own-server');
    expect(existsSync(join(dataDir, 'clickhouse'))).toBe(false);
    await launcher.kill('SIGTERM');
  });

  describe('where it cannot be installed', () => {
    let registry: Server;
    let hangs = false;
    let registryUrl: string;

    beforeAll(async () => {
      registry = createServer((_request, response) => void (hangs || response.writeHead(404).end()));
      registry.listen(0, '127.0.0.1');
      await new Promise((resolve) => registry.once('listening', resolve));
      registryUrl = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
      // A folder of its own, in which nothing is installed.
      rmSync(join(project, 'engine'));
      mkdirSync(join(project, 'engine'));
      for (const name of ['package.json', 'package-lock.json'])
        cpSync(join(process.cwd(), 'engine', name), join(project, 'engine', name));
    });
    afterAll(() => {
      registry.closeAllConnections();
      registry.close();
    });

    const offline = (): Record<string, string> => ({
      ...EMBEDDED,
      npm_config_registry: registryUrl,
      npm_config_cache: join(folder, 'npm-cache'),
      npm_config_fetch_retries: '0',
      npm_config_update_notifier: 'false',
    });

    test('collects and answers, and says in one line what is missing and how to get it', async () => {
      const launcher = await copy.start(dataDir, await freePort(), offline()).ready();
      await assertCounts(launcher.url);
      await until(() => launcher.output.includes('could not be installed'), 'a message');
      const said = launcher.output.split('\n').filter((line) => line.includes('could not be installed'));
      expect(said).toEqual([
        expect.stringMatching(
          /\(.*404.*\): events are collected and counted, but questions that ClickHouse answers are refused\. Start again when .* CLICKHOUSE_URL/,
        ),
      ]);
      expect(readFileSync(join(dataDir, 'logs', 'engine.log'), 'utf8')).toContain('npm');
      expect(await launcher.kill('SIGTERM')).toBe(0);
    });

    test('stops at once while it is being installed, and takes npm along', async () => {
      hangs = true;
      const launcher = await copy.start(dataDir, await freePort(), offline()).ready();
      const connections = (): Promise<number> =>
        new Promise((resolve) => registry.getConnections((_error, count) => resolve(count)));
      await until(async () => (await connections()) > 0, 'npm to ask');
      expect(await launcher.kill('SIGTERM')).toBe(0);
      await until(async () => (await connections()) === 0, 'npm to be gone');
    });
  });

  test.each([
    [{ ENGINE: 'some' }, 'ENGINE must be one of: embedded, none'],
    [{ ENGINE: 'embedded', ENGINE_MEMORY: '100M' }, 'ENGINE_MEMORY must be a size such as 512M or 1G'],
    [{ ENGINE: 'embedded', ENGINE_PORT: '70000' }, 'ENGINE_PORT must be a whole number'],
    [{ ENGINE: 'embedded', ENGINE_QUESTION_PASSWORD: 'short' }, 'ENGINE_QUESTION_PASSWORD must have at least 16'],
    [{ CLICKHOUSE_URL: 'x', CLICKHOUSE_URL_FILE: '/x' }, 'CLICKHOUSE_URL and CLICKHOUSE_URL_FILE are both set'],
  ])('a setting that cannot be used ends the start: %j', async (env, message) => {
    const launcher = copy.start(join(folder, 'refused'), await freePort(), env as Record<string, string>);
    expect(await launcher.ended()).toBe(1);
    expect(launcher.output).toContain(message);
  });

  test('a port that is taken ends the start, and is named', async () => {
    const taken = spawn(
      process.execPath,
      ['-e', "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })"],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    try {
      const [text] = (await new Promise<Buffer>((resolve) => taken.stdout.once('data', resolve)))
        .toString()
        .split('\n');
      const launcher = copy.start(join(folder, 'taken'), await freePort(), { ENGINE: 'embedded', ENGINE_PORT: text! });
      expect(await launcher.ended()).toBe(1);
      expect(launcher.output).toContain(`ENGINE_PORT ${text} is taken by another program: choose another`);
    } finally {
      taken.kill('SIGKILL');
    }
  });
});

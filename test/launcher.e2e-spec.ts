import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Launcher, ProjectCopy } from './support/project-copy.js';
import { freePort } from './support/server-process.js';
import { until } from './support/until.js';

const copy = new ProjectCopy();
const { folder, path: project } = copy;

/** What a person's environment may hold: secrets of ours, those of other programs, and what programs need. */
const PERSONS_ENVIRONMENT = {
  USER_TOKEN_SECRET: 'user-token-secret-of-this-test-0123456789',
  GOOGLE_USERINFO_URL: 'https://provider.example/userinfo',
  METRICS_TOKEN: 'metrics-token-of-this-test',
  AWS_SECRET_ACCESS_KEY: 'secret-of-another-program',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
};

function start(dataDir: string, port: number, env: Record<string, string> = {}): Launcher {
  return copy.start(dataDir, port, env);
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie whose parent is gone and not yet collected has ended all the same.
    return !existsSync('/proc') || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(`${url}/health`).catch(() => undefined))?.ok === true;
}

afterAll(() => copy.remove());

describe('npm start', () => {
  const dataDir = join(folder, 'one');
  let port: number;
  let launcher: Launcher;

  beforeAll(async () => {
    port = await freePort();
    launcher = await start(dataDir, port, PERSONS_ENVIRONMENT).ready();
  });

  it('gives each process the variables that it needs, and no other', () => {
    const names = (process: string): string[] =>
      readFileSync(`/proc/${launcher.pid(process)}/environ`, 'utf8')
        .split('\0')
        .filter(Boolean)
        .map((entry) => entry.slice(0, entry.indexOf('=')))
        .filter((name) => name !== 'LD_LIBRARY_PATH') // where the servers were unpacked
        .sort();
    const basic = ['HOME', 'LANG', 'PATH', 'TZ'];
    const services = ['DATABASE_URL', 'DATA_DIR', 'FLUSH_INTERVAL_MS', 'METRICS_TOKEN', 'REDIS_URL'];
    const signIn = ['GOOGLE_USERINFO_URL', 'PORT', 'USER_TOKEN_SECRET'];
    expect(names('mysql')).toEqual(basic);
    expect(names('redis')).toEqual(basic);
    expect(names('worker')).toEqual([...basic, ...services].sort());
    expect(names('api')).toEqual([...basic, ...services, ...signIn].sort());
  });

  it('serves, with everything of its own in one private folder', async () => {
    expect(await answers(launcher.url)).toBe(true);
    for (const name of ['.', 'run', 'logs', 'mysql', 'redis', 'secrets']) {
      expect([name, mode(join(dataDir, name))]).toEqual([name, '700']);
    }
    expect(mode(join(dataDir, 'run', 'env'))).toBe('600');
    const env = readFileSync(join(dataDir, 'run', 'env'), 'utf8');
    expect(env).toMatch(/^DATABASE_URL=mysql:\/\/root@localhost\/tallystone\?socketPath=\S+$/m);
    expect(env).toMatch(/^REDIS_URL=redis\+unix:\/\/\S+$/m);
    expect(launcher.pids().every(lives)).toBe(true);
    for (const name of ['api', 'worker', 'mysql', 'redis']) {
      expect(existsSync(join(dataDir, 'logs', `${name}.log`))).toBe(true);
    }
  });

  it('has a Redis that keeps what it answers for', async () => {
    const redis = launcher.redis();
    for (const [name, value] of Object.entries({
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
      save: '',
      port: '0',
    })) {
      expect(await redis.config('GET', name)).toEqual([name, value]);
    }
    redis.disconnect();
  });

  it('runs once on a folder: a second one says who runs, where, and leaves', async () => {
    const second = start(dataDir, await freePort());
    expect(await second.ended()).toBe(1);
    expect(second.output).toContain(`(pid ${launcher.pid('launcher')}) at ${launcher.url}`);
    expect(await answers(launcher.url)).toBe(true);
  });

  it('names the port that is taken, and how to choose another', async () => {
    const second = start(join(folder, 'no-port'), port);
    expect(await second.ended()).toBe(1);
    expect(second.output).toContain(`Port ${port} is taken`);
    expect(second.output).toMatch(/PORT=\d+ npm start/);
    expect(existsSync(join(folder, 'no-port', 'mysql'))).toBe(false);
  });

  it('lets scripts run beside it on its services', async () => {
    const script = copy.run('run.mjs', dataDir, {}, ['migrate']);
    expect(await script.ended()).toBe(0);
    expect(script.output).toContain('The schema is up to date.');
    const shell = copy.run('db.mjs', dataDir, {}, ['-Ne', 'SELECT COUNT(*) FROM migrations']);
    expect(await shell.ended()).toBe(0);
    const migrations = readdirSync('migrations').filter((file) => /^\d+-/.test(file));
    expect(Number(shell.output.trim())).toBe(migrations.length);
  });

  it.each(['api', 'worker', 'redis', 'mysql'])('starts %s again when it dies', async (name) => {
    const before = launcher.pid(name);
    process.kill(before, 'SIGKILL');
    const again = (): boolean => {
      const now = existsSync(join(dataDir, 'run', `${name}.pid`)) ? launcher.pid(name) : 0;
      return now > 0 && now !== before && lives(now);
    };
    await until(again, `${name} to be started again`);
    await until(() => launcher.output.includes(`${name} ended by itself`), 'a message');
    await until(async () => (await fetch(`${launcher.url}/ready?strict`).catch(() => undefined))?.ok === true, 'ready');
  });

  it('takes over what a killed launcher left, and loses nothing', async () => {
    const redis = launcher.redis();
    await redis.set('kept', 'yes');
    redis.disconnect();
    const [, api, worker, mysql, redisPid] = launcher.pids();
    await launcher.kill('SIGKILL');
    expect([mysql, redisPid].every((pid) => lives(pid!))).toBe(true);
    // As after a clock that was set forward: the files look older than their processes.
    for (const name of ['api', 'worker', 'mysql', 'redis']) utimesSync(launcher.pidFile(name), 0, 0);
    launcher = await start(dataDir, port).ready();
    expect([lives(api!), lives(worker!)]).toEqual([false, false]);
    expect([launcher.pid('mysql'), launcher.pid('redis')]).toEqual([mysql, redisPid]);
  });

  it('does not open the files of a Redis that runs though no pid file names it', async () => {
    const pid = launcher.pid('redis');
    await launcher.kill('SIGKILL');
    const hidden = `${launcher.pidFile('redis')}.hidden`;
    renameSync(launcher.pidFile('redis'), hidden);
    const refused = start(dataDir, port);
    expect(await refused.ended()).toBe(1);
    expect(refused.output).toMatch(/A server answers at \S+redis\.sock that \S+redis\.pid does not name/);
    expect(lives(pid)).toBe(true);
    renameSync(hidden, launcher.pidFile('redis'));
    launcher = await start(dataDir, port).ready();
    expect(launcher.pid('redis')).toBe(pid);
  });

  it('ends no process that came to the pid of a former API process', async () => {
    await launcher.kill('SIGTERM');
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'main.js'], { stdio: 'ignore' });
    try {
      writeFileSync(launcher.pidFile('api'), `${stranger.pid}\n`);
      launcher = await start(dataDir, port).ready();
      expect(lives(stranger.pid!)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('leaves no process behind on SIGTERM, and starts again with its data', async () => {
    const pids = launcher.pids();
    expect(await launcher.kill('SIGTERM')).toBe(0);
    expect(pids.filter(lives)).toEqual([]);
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);
    launcher = await start(dataDir, port).ready();
    expect(launcher.output).not.toContain('Migrated');
    const redis = launcher.redis();
    expect(await redis.get('kept')).toBe('yes');
    redis.disconnect();
  });

  it('runs beside another with its own folder and port', async () => {
    const other = await start(join(folder, 'two'), await freePort()).ready();
    expect([await answers(launcher.url), await answers(other.url)]).toEqual([true, true]);
    expect(await other.kill('SIGINT')).toBe(0);
    expect(await answers(launcher.url)).toBe(true);
  });

  it.each([
    // A machine with MySQL may have MariaDB too, which opens what an older MariaDB made.
    ['made by another flavour', (here: string) => (here === 'mysql' ? ['mariadb', '99.2.0'] : ['mysql', '8.4.0'])],
    ['made by a newer version', (here: string) => [here, '99.1.0']],
  ])('does not open a database %s', async (_case, madeBy) => {
    const { mysql } = JSON.parse(readFileSync(join(dataDir, 'servers.json'), 'utf8')) as { mysql: { flavour: string } };
    const [flavour, version] = madeBy(mysql.flavour) as [string, string];
    const refused = join(folder, `refused-${version}`);
    mkdirSync(join(refused, 'mysql'), { recursive: true });
    writeFileSync(join(refused, 'servers.json'), JSON.stringify({ mysql: { flavour, version } }));
    const attempt = start(refused, await freePort());
    expect(await attempt.ended()).toBe(1);
    expect(attempt.output).toContain(`${flavour === 'mysql' ? 'MySQL' : 'MariaDB'} ${version}`);
    expect(readdirSync(join(refused, 'mysql'))).toEqual([]);
  });
});

describe('servers of this machine that do not work', () => {
  const programs = join(folder, 'programs');
  const path = (...folders: string[]): string => [...folders, process.env.PATH].join(':');

  beforeAll(() => {
    mkdirSync(programs);
    const script = (name: string, text: string): void =>
      writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    // One that knows its version and cannot start, one that ends with a signal, a link into a package that is not here.
    script('redis-server', '[ "$1" = --version ] && echo "Redis server v=7.9.9 sha=0" || exit 3');
    script('mariadbd', 'kill -SEGV $$');
    symlinkSync('/nonexistent/mysqld', join(programs, 'mysqld'));
    symlinkSync('valkey-check-rdb', join(programs, 'valkey-server'));
  });

  it('are passed over for others, at the next start too', async () => {
    const dataDir = join(folder, 'broken');
    const serve = async (): Promise<string> => {
      const run = copy.run(join('systems', 'serve-once.mjs'), dataDir, { PATH: path(programs) }, [dataDir]);
      expect([await run.ended(), run.output]).toEqual([0, expect.stringMatching(/^serves \w+ [^]*^serves \w+/m)]);
      return run.output;
    };
    const complaint = `Redis 7.9.9 (${join(programs, 'redis-server')}) does not work here`;
    expect(await serve()).toContain(complaint);
    expect(await serve()).not.toContain(complaint);
  });
});

describe('services of your own', () => {
  afterEach(() => rmSync(join(project, '.env'), { force: true }));

  it.each(['DATABASE_URL', 'REDIS_URL'])(
    'an unreachable %s is an error, not a reason to start another',
    async (name) => {
      const gone = await closedPort();
      const urls = { DATABASE_URL: process.env.TEST_DATABASE_URL!, REDIS_URL: process.env.TEST_REDIS_URL! };
      const unreachable = name === 'DATABASE_URL' ? `mysql://root@127.0.0.1:${gone}/none` : `redis://127.0.0.1:${gone}`;
      const database = new URL(urls.DATABASE_URL);
      database.pathname = `/tallystone_launcher_${process.env.JEST_WORKER_ID}`;
      const lines = Object.entries({ ...urls, DATABASE_URL: database.href, [name]: unreachable });
      writeFileSync(join(project, '.env'), lines.map(([key, value]) => `${key}=${value}\n`).join(''));
      const dataDir = join(folder, `unreachable-${name}`);
      const launcher = start(dataDir, await freePort());
      expect(await launcher.ended()).toBe(1);
      expect(launcher.output).toContain(name);
      expect(['mysql', 'redis'].filter((service) => existsSync(join(dataDir, service)))).toEqual([]);
    },
  );

  it.each(['DATABASE_URL', 'REDIS_URL'])(
    '%s beside its _FILE twin is an error, and nothing is started',
    async (name) => {
      const dataDir = join(folder, `both-${name}`);
      const launcher = start(dataDir, await freePort(), { [name]: 'anything', [`${name}_FILE`]: '/dev/null' });
      expect(await launcher.ended()).toBe(1);
      expect(launcher.output).toContain(`${name} and ${name}_FILE are both set: keep one of them`);
      expect(existsSync(dataDir)).toBe(false);
    },
  );

  it('scripts say what to do when nothing runs', async () => {
    const script = copy.run('run.mjs', join(folder, 'nothing'), {}, ['migrate']);
    expect(await script.ended()).toBe(1);
    expect(script.output).toContain(
      'Nothing is running: npm start in another terminal, or set DATABASE_URL and REDIS_URL',
    );
  });
});

it('keeps its hands off a folder that holds other things', async () => {
  const home = join(folder, 'home');
  mkdirSync(join(home, 'Pictures'), { recursive: true, mode: 0o755 });
  const launcher = start(home, await freePort());
  expect(await launcher.ended()).toBe(1);
  expect(launcher.output).toContain('DATA_DIR');
  expect([mode(home), readdirSync(home)]).toEqual(['755', ['Pictures']]);
});

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { serverEnvironment } from './environments.mjs';
import { run } from './processes.mjs';
import { findTool } from './server-binaries.mjs';
import { LaunchError } from './terminal.mjs';

const MIB = 1024 * 1024;

/** How to find, make, start and ask a MariaDB or MySQL server. */
export const mysqlServer = {
  name: 'mysql',
  title: 'MariaDB or MySQL',
  programs: ['mariadbd', 'mysqld'],
  versionArgs: ['--no-defaults', '--version'],
  minimum: { mariadb: '10.11', mysql: '8.4' },
  setting: 'databaseUrl',
  variable: 'DATABASE_URL',
  packages: [
    ['mariadb-server-core', 'mariadb-client-core'],
    ['mysql-server-core', 'mysql-client-core'],
  ],
  /** InnoDB may have a crash to recover from. */
  startDeadlineMs: 120_000,
  stopDeadlineMs: 60_000,

  readVersion(text) {
    const version = /Ver (\d+\.\d+\.\d+)/.exec(text)?.[1];
    return version && { flavour: /mariadb/i.test(text) ? 'mariadb' : 'mysql', version };
  },

  url(socket) {
    return `mysql://root@localhost/tallystone?socketPath=${encodeURIComponent(socket)}`;
  },

  /** Makes the system tables. What is half made keeps another name, and never counts. */
  async init(binary, dataDir) {
    const folder = dataDir.in('mysql.init');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
    const env = serverEnvironment(binary.env);
    const own = [`--datadir=${folder}`, `--tmpdir=${dataDir.in('tmp')}`, ...places(binary), ...asRoot()];
    if (binary.flavour === 'mysql') {
      await run(binary.path, ['--no-defaults', '--initialize-insecure', ...own], { env, what: 'Making the database' });
    } else {
      const tool = findTool(['mariadb-install-db', 'mysql_install_db'], dataDir.path, binary);
      if (!tool) throw new LaunchError(`mariadb-install-db is missing: it belongs to ${binary.path}`);
      const options = ['--auth-root-authentication-method=normal', '--skip-test-db'];
      env.PATH = [join(binary.prefix, 'bin'), join(binary.prefix, 'sbin'), env.PATH].join(':');
      const base = binary.fetched ? [] : [`--basedir=${binary.prefix}`];
      await run(tool.path, ['--no-defaults', ...base, ...own, ...options], { env, what: 'Making the database' });
    }
    dataDir.rememberMaker('mysql', binary);
    renameSync(folder, dataDir.in('mysql'));
  },

  args(binary, { dataDir, socket, relaxed, files }) {
    const pool = Math.min(Math.max(Math.floor(totalmem() / 8 / MIB), 128), 1024);
    return [
      '--no-defaults',
      `--datadir=${dataDir.in('mysql')}`,
      `--tmpdir=${dataDir.in('tmp')}`,
      `--socket=${socket}`,
      // Ours is written by the launcher: it says more.
      `--pid-file=${dataDir.in('mysql', 'mysqld.pid')}`,
      '--skip-networking',
      '--skip-log-bin',
      '--skip-name-resolve',
      '--local-infile=0',
      '--character-set-server=utf8mb4',
      '--max-connections=300',
      '--max-allowed-packet=64M',
      `--innodb-buffer-pool-size=${relaxed ? 256 : pool}M`,
      `--innodb-flush-log-at-trx-commit=${relaxed ? 0 : 1}`,
      // Where mysqld alone was unpacked, the folder of its default secure-file-priv is missing, and it would not start.
      ...(binary.flavour === 'mysql' ? ['--mysqlx=OFF', `--secure-file-priv=${files ? '' : 'NULL'}`] : []),
      ...places(binary),
      ...asRoot(),
    ];
  },

  /** The server greets whoever connects; even "too many connections" is a sign of life. */
  ping(socket) {
    return ask(socket, undefined, (data) => data.length > 5 && (data[4] === 10 || data[4] === 255));
  },
};

/** Unpacked packages have their messages and character sets where the server does not look. */
function places({ prefix, fetched }) {
  if (!fetched) return [];
  const share = [join(prefix, 'share', 'mariadb'), join(prefix, 'share', 'mysql')].find((folder) => existsSync(folder));
  return [
    `--basedir=${prefix}`,
    ...(share ? [`--lc-messages-dir=${share}`, `--character-sets-dir=${join(share, 'charsets')}`] : []),
  ];
}

function asRoot() {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

/** Connects to a socket, says something, and judges the answer. Never throws. */
export function ask(socket, question, judge, timeoutMs = 2000) {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    const finish = (answer) => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(timeoutMs, () => finish(false));
    connection.on('error', () => finish(false)).on('close', () => finish(false));
    if (question) connection.write(question);
    connection.on('data', (data) => finish(judge(data)));
  });
}

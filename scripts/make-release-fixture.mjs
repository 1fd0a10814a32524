import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import mysql from 'mysql2/promise';
import { Api } from './client/api.mjs';
import { DataDir } from './launcher/data-dir.mjs';
import { systemEnvironment } from './launcher/environments.mjs';
import { ROOT } from './launcher/settings.mjs';
import { LaunchError, readable, say, warn } from './launcher/terminal.mjs';
import { fill } from './release-fixture/fill.mjs';
import { ask } from './release-fixture/questions.mjs';
import { sqlDump } from './release-fixture/sql-dump.mjs';

// node scripts/make-release-fixture.mjs: runs the release that package.json names on throw-away services, fills it, and writes
// its database and its answers to test/releases/. test/upgrade.e2e-spec.ts compares later releases with them.

const FOLDER = join(ROOT, 'test', 'releases');
/** The size that a dump in the repository may have. */
const DUMP_MAX_BYTES = 200_000;
/** Of an installation that exists nowhere else: the keys of the fixture are signed with them. */
const SECRETS = {
  KEY_TOKEN_SECRET: 'key-secret-of-the-release-fixture-0123456789',
  USER_TOKEN_SECRET: 'user-secret-of-the-release-fixture-0123456789',
};
const QUICK = {
  FLUSH_INTERVAL_MS: '100',
  RETENTION_INTERVAL_MS: '300',
  RATE_LIMITS: 'signin=10000,reads=1000000,changes=1000000,regenerate=1000000',
};

const folder = mkdtempSync(join(tmpdir(), 'tallystone-fixture-'));
try {
  await makeFixture();
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function makeFixture() {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { apps, keys, dump, answers } = await whileServing({}, async (accounts, db) => {
    const filled = await fill(accounts, db);
    return { ...filled, answers: await ask(accounts, filled.apps), dump: gzipSync(await sqlDump(db), { level: 9 }) };
  });
  if (dump.length > DUMP_MAX_BYTES)
    throw new LaunchError(`The dump takes ${dump.length} bytes, more than ${DUMP_MAX_BYTES}`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${version}.sql.gz`), dump);
  const text = JSON.stringify({ version, secrets: SECRETS, keys, apps, answers });
  writeFileSync(join(FOLDER, `${version}.answers.json.gz`), gzipSync(text, { level: 9 }));
  say(`test/releases/${version}: ${dump.length} bytes of SQL, ${answers.length} answers`);
}

/**
 * Runs `npm start` on the fixture's data folder for as long as the work takes.
 * @template T
 * @param {Record<string, string>} env
 * @param {(accounts: {ann: Api, bob: Api}, db: mysql.Connection) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function whileServing(env, work) {
  const dataDir = new DataDir(join(folder, 'data'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs')], {
    env: { ...systemEnvironment(), ...SECRETS, ...QUICK, ...env, PORT: String(port), DATA_DIR: dataDir.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => server.on('exit', resolve));
  try {
    await ready(server);
    const [ann, bob] = [new Api(url), new Api(url)];
    await ann.signInLocally('ann@example.test');
    await bob.signInLocally('bob@example.test');
    const socketPath = join(dataDir.socketDir(), 'mysql.sock');
    const options = { socketPath, user: 'root', database: 'tallystone', timezone: 'Z', dateStrings: true };
    const db = await mysql.createConnection({ ...options, supportBigNumbers: true, bigNumberStrings: true });
    try {
      return await work({ ann, bob }, db);
    } finally {
      await db.end();
    }
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

/** @param {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, null>} server */
function ready(server) {
  return new Promise((resolve, reject) => {
    server.on('exit', (code) => reject(new LaunchError(`The server did not start (exit code ${code})`)));
    createInterface({ input: server.stdout }).on('line', (line) => line.startsWith('ready ') && resolve(undefined));
  });
}

/** @returns {Promise<number>} a port that nobody listens on now */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

import './launcher/node-version.mjs';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import mysql from 'mysql2/promise';
import { DataDir } from './launcher/data-dir.mjs';
import { mysqlServer } from './launcher/mysql-server.mjs';
import { PrivateService } from './launcher/service.mjs';
import { readEnvironment, readSettings, ROOT } from './launcher/settings.mjs';
import { LaunchError, readable, say, warn } from './launcher/terminal.mjs';

// DATA_DIR=FOLDER node scripts/load-release-fixture.mjs VERSION: puts the database of a release (test/releases) into a new data
// folder, as that release would have left it there. `npm start` on the same folder upgrades it.

try {
  await load(process.argv[2] ?? '');
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
}

/** @param {string} version of the release */
async function load(version) {
  const file = join(ROOT, 'test', 'releases', `${version}.sql.gz`);
  if (!/^[\d.]+$/.test(version) || !existsSync(file)) {
    throw new LaunchError('Name a release of test/releases: node scripts/load-release-fixture.mjs 0.2.0');
  }
  const dataDir = new DataDir(readSettings(readEnvironment()).dataDir);
  if (existsSync(dataDir.in('mysql'))) throw new LaunchError(`DATA_DIR (${dataDir.path}) has a database already`);
  dataDir.make();
  const service = new PrivateService(mysqlServer, dataDir);
  try {
    await service.up();
    await run(service.socket, gunzipSync(readFileSync(file)).toString());
  } finally {
    await service.stop();
  }
  say(`Loaded the database of ${version}`);
}

/** @param {string} socketPath @param {string} dump one statement a line */
async function run(socketPath, dump) {
  const db = await mysql.createConnection({ socketPath, user: 'root' });
  try {
    await db.query('CREATE DATABASE tallystone CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
    await db.query('USE tallystone');
    for (const statement of dump.split('\n').filter(Boolean)) await db.query(statement);
  } finally {
    await db.end();
  }
}

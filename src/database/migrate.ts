import mysql from 'mysql2/promise';
import type { DatabaseAddress } from '../config/service-url.js';
import { OF_THIS_DATABASE } from './lock-name.js';
import { createDataSource } from './data-source.js';

/** Long enough for a schema change on a big table by somebody else, seconds. */
const LOCK_WAIT_S = 600;

/**
 * Brings the schema up to date; makes the database when the server has none of that name. Two at once wait for each
 * other.
 * @returns the names of the migrations that ran now
 */
export async function migrate(address: DatabaseAddress): Promise<string[]> {
  await createDatabaseIfMissing(address);
  const dataSource = await createDataSource(address, { poolSize: 2 }).initialize();
  const lock = dataSource.createQueryRunner();
  try {
    const [row] = (await lock.query(`SELECT GET_LOCK(CONCAT('tallystone ', ${OF_THIS_DATABASE}), ?) AS taken`, [
      LOCK_WAIT_S,
    ])) as {
      taken: number | string | null;
    }[];
    if (Number(row?.taken) !== 1) throw new Error('Another migration holds the lock. Wait for it, then try again.');
    const done = await dataSource.runMigrations();
    return done.map((migration) => migration.name);
  } finally {
    // The lock ends with its connection.
    await lock.release();
    await dataSource.destroy();
  }
}

async function createDatabaseIfMissing(address: DatabaseAddress): Promise<void> {
  const { database, ...server } = address;
  try {
    const connection = await mysql.createConnection({ ...server, database });
    await connection.end();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ER_BAD_DB_ERROR') throw error;
    const connection = await mysql.createConnection(server);
    await connection.query('CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', [database]);
    await connection.end();
  }
}

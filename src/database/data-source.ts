import mysql from 'mysql2';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { DatabaseAddress } from '../config/service-url.js';
import { MIGRATIONS } from './migrations.js';
import { ENTITIES } from './entities/index.js';
import { giveUpWhenSilent } from './silence.js';

export interface SessionSettings {
  poolSize?: number;
  /** How many may wait for a connection; one more is refused. Unset: any number. */
  queueLimit?: number;
  /** Milliseconds after which the server ends a SELECT (on MariaDB any statement). Unset: never. */
  statementMs?: number;
  /** Seconds. How long a statement waits for a lock of a row or a table. */
  lockWaitTimeoutS?: number;
  /** Seconds without a statement after which the server ends the session, and with it a frozen worker's locks. */
  waitTimeoutS?: number;
  /** Milliseconds after which a connection on which nothing moves is given up; unset: never. */
  silenceMs?: number;
}

/** After this long without traffic the kernel asks whether the other side is there. */
const KEEP_ALIVE_MS = 10_000;

/**
 * The one way to MySQL: API, worker, migrations and command-line programs share it. Sessions run at READ COMMITTED, in
 * UTC, in strict mode. `-FOUND_ROWS` makes affectedRows the number of rows really inserted or changed.
 */
export function dataSourceOptions(address: DatabaseAddress, settings: SessionSettings = {}): DataSourceOptions {
  const { user, password, database, host, port, socketPath, ssl } = address;
  return {
    type: 'mysql',
    username: user,
    password,
    database,
    ...(socketPath ? { socketPath } : { host, port, ssl }),
    charset: 'utf8mb4',
    timezone: 'Z',
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    // A condition whose value is missing is an error, never a condition less.
    invalidWhereValuesBehavior: { null: 'throw', undefined: 'throw' },
    // DDL commits by itself on both engines: a transaction around it would promise what it cannot keep.
    migrationsTransactionMode: 'none',
    supportBigNumbers: true,
    bigNumberStrings: true,
    poolSize: settings.poolSize ?? 10,
    extra: {
      flags: ['-FOUND_ROWS'],
      connectTimeout: 5000,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      queueLimit: settings.queueLimit ?? 0,
    },
    driver: mysqlWithSession(settings),
  };
}

export function createDataSource(address: DatabaseAddress, settings?: SessionSettings): DataSource {
  return new DataSource(dataSourceOptions(address, settings));
}

const STRICT = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

/**
 * The engines have different names for it. MariaDB reads comments that begin with M!, and passes over those of MySQL 8;
 * MySQL does the reverse.
 */
function statementLimit(ms: number): string {
  return `SET SESSION time_zone = '+00:00' /*!80000 , SESSION max_execution_time = ${ms} */ /*M! , SESSION max_statement_time = ${ms / 1000} */`;
}

/** mysql2 with every new connection of a pool prepared before anybody else uses it. */
function mysqlWithSession(settings: SessionSettings): typeof mysql {
  const statements = [
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    `SET SESSION time_zone = '+00:00', SESSION sql_mode = '${STRICT}'`,
    // The second: for tables. Whoever waits for one holds up all who come after, by default for a day or a year.
    ...(settings.lockWaitTimeoutS
      ? [
          `SET SESSION innodb_lock_wait_timeout = ${settings.lockWaitTimeoutS}, SESSION lock_wait_timeout = ${settings.lockWaitTimeoutS}`,
        ]
      : []),
    ...(settings.waitTimeoutS ? [`SET SESSION wait_timeout = ${settings.waitTimeoutS}`] : []),
    ...(settings.statementMs ? [statementLimit(settings.statementMs)] : []),
  ];
  return {
    ...mysql,
    createPool(options: mysql.PoolOptions): mysql.Pool {
      const pool = mysql.createPool(options);
      pool.on('connection', (connection) => {
        if (settings.silenceMs) giveUpWhenSilent(connection, settings.silenceMs);
        for (const statement of statements) {
          // Queued ahead of whatever the caller sends; a failure closes the connection, so nothing runs unprepared.
          connection.query(statement, (error: unknown) => {
            if (error) connection.destroy();
          });
        }
      });
      return pool;
    },
  } as typeof mysql;
}

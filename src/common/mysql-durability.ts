import type { DataSource } from 'typeorm';
import { ConfigError } from '../config/config-error.js';
import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

const FLUSH =
  'SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS flush, @@GLOBAL.log_bin AS binlog, @@GLOBAL.sync_binlog AS sync';

/**
 * An event leaves Redis once MySQL has committed it, so MySQL must keep its commits. Refuses to start on one that loses
 * them when its process is killed, unless the operator answers for it (`vouched`) or wants less (`relaxed`); warns of one
 * that loses them only with its machine.
 * @throws ConfigError naming what was found and the ways out
 */
export async function checkMysqlDurability(dataSource: DataSource, env: Env, logger: Logger): Promise<void> {
  if (env.mysqlDurability === 'vouched') return;
  if (env.mysqlDurability === 'relaxed') {
    logger.warn(
      { notice: true },
      'MYSQL_DURABILITY is relaxed: events that were counted can be lost when MySQL or its machine dies',
    );
    return;
  }
  const { flush, binlogBehind } = await readFlush(dataSource);
  if (flush === 0) {
    throw new ConfigError([
      'MYSQL_DURABILITY is fsync, but MySQL has innodb_flush_log_at_trx_commit 0: when it is killed, events are lost that have ' +
        'left Redis. Either set innodb_flush_log_at_trx_commit to 1 in MySQL, or set MYSQL_DURABILITY=vouched if you know ' +
        'that it keeps what it commits (or relaxed, if losing events with MySQL is all right).',
    ]);
  }
  if (flush === 2) {
    logger.warn(
      { notice: true },
      'MySQL has innodb_flush_log_at_trx_commit 2: events that were counted in the last second or so are lost when its machine loses power. ' +
        'Set it to 1 in MySQL, or MYSQL_DURABILITY=vouched to start without this warning',
    );
  }
  if (flush !== 0 && binlogBehind) {
    logger.warn(
      { notice: true },
      'MySQL writes a binary log and has sync_binlog other than 1: events that were counted in the last moments are lost when its machine loses power. ' +
        'Set sync_binlog to 1, or MYSQL_DURABILITY=vouched to start without this warning',
    );
  }
  if (flush === undefined) {
    logger.warn(
      { notice: true },
      'Cannot read innodb_flush_log_at_trx_commit: see to it that MySQL has 1 there, then set MYSQL_DURABILITY=vouched',
    );
  }
}

/** See the engines' manuals, innodb_flush_log_at_trx_commit and sync_binlog. */
interface Found {
  flush?: number;
  /** After a loss of power the server rolls back what is committed and not in its binary log. */
  binlogBehind?: boolean;
}

/** 0: written and synced once a second. 1 (and MariaDB's 3): synced at each commit. 2: written at each, synced later. */
async function readFlush(dataSource: DataSource): Promise<Found> {
  try {
    const [row]: Record<'flush' | 'binlog' | 'sync', number | string>[] = await dataSource.query(FLUSH);
    return row ? { flush: Number(row.flush), binlogBehind: Number(row.binlog) === 1 && Number(row.sync) !== 1 } : {};
  } catch {
    return {}; // a proxy or another engine that speaks MySQL's protocol
  }
}

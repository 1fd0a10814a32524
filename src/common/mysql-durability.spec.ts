import type { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';
import { checkMysqlDurability } from './mysql-durability.js';

test('a server that does not say how it commits is taken, with one warning that names the way out', async () => {
  const unreadable = { query: () => Promise.reject(new Error('Unknown system variable')) };
  const told: string[] = [];
  const logger = { warn: (_fields: object, message: string) => told.push(message) };
  const env = { mysqlDurability: 'fsync' };
  await checkMysqlDurability(unreadable as unknown as DataSource, env as Env, logger as unknown as Logger);
  expect(told).toEqual([expect.stringMatching(/^Cannot read .*MYSQL_DURABILITY=vouched/)]);
});

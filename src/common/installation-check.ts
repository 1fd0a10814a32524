import type { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { ConfigError } from '../config/config-error.js';
import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

/**
 * MySQL and Redis belong together: both carry the installation's id. A Redis (under this prefix) that carries another
 * one, or one while MySQL was never bound to any, is refused; an empty one is bound, with a warning if MySQL had a
 * buffer before, since what was pending there is not here.
 * @throws ConfigError
 */
export async function bindInstallation(dataSource: DataSource, redis: Redis, env: Env, logger: Logger): Promise<void> {
  const key = `${env.redisKeyPrefix}installation`;
  const [row]: { id: Buffer; bound: number }[] = await dataSource.query(
    'SELECT id, buffer_bound_at IS NOT NULL AS bound FROM installation LIMIT 1',
  );
  if (!row) throw new ConfigError(['DATABASE_URL names a database without an installation id: run `npm run migrate`']);
  const id = row.id.toString('hex');
  const before = await redis.get(key);
  // SET NX: of two processes that start at once one writes and both see the same. (A full Redis refuses SET, not GET.)
  const written = before === null && (await redis.set(key, id, 'NX')) === 'OK';
  const found = written ? id : (before ?? (await redis.get(key)));
  if (found !== id) {
    throw new ConfigError([
      `REDIS_URL (with REDIS_KEY_PREFIX) names a Redis that belongs to another installation of Tallystone than DATABASE_URL. ` +
        'Name the Redis that goes with this database, or give each installation its own REDIS_KEY_PREFIX.',
    ]);
  }
  if (!Number(row.bound)) return markBound(dataSource);
  if (written) {
    logger.warn(
      { notice: true },
      'This Redis is new to this installation: events that were pending in the former Redis are not here',
    );
  }
}

async function markBound(dataSource: DataSource): Promise<void> {
  await dataSource.query('UPDATE installation SET buffer_bound_at = UTC_TIMESTAMP(3) WHERE buffer_bound_at IS NULL');
}

import type { Redis } from 'ioredis';
import { ConfigError } from '../config/config-error.js';
import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

const OLDEST_REDIS = 7;
/** What a 202 rests on: synced before the answer, also while Redis rewrites its file. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always', 'no-appendfsync-on-rewrite': 'no' } as const;
const SETTINGS = [...(Object.keys(DURABLE) as (keyof typeof DURABLE)[]), 'maxmemory-policy'] as const;
type Found = Partial<Record<(typeof SETTINGS)[number], string>>;

/**
 * A 202 promises that the event is in Redis's append-only file. Refuses to start on a Redis that promises less, unless
 * the operator answers for it (`vouched`) or wants less (`relaxed`). A Redis that evicts keys of its own accord is
 * refused always.
 * @throws ConfigError naming what was found and the ways out
 */
export async function checkRedisDurability(redis: Redis, env: Env, logger: Logger): Promise<void> {
  await checkVersion(redis);
  const found = await readSettings(redis);
  const policy = found?.['maxmemory-policy'] ?? (await policyFromInfo(redis));
  if (policy?.startsWith('allkeys-')) {
    throw new ConfigError([
      `REDIS_URL names a Redis whose maxmemory-policy is ${policy}: it would throw accepted events away when it is full. ` +
        'Set maxmemory-policy to noeviction there.',
    ]);
  }
  if (env.redisDurability === 'vouched') return;
  if (env.redisDurability === 'relaxed') {
    logger.warn(
      { notice: true },
      'REDIS_DURABILITY is relaxed: events answered 202 can be lost when Redis or its machine dies',
    );
    return;
  }
  const durable = Object.entries(DURABLE) as [keyof typeof DURABLE, string][];
  if (found && durable.every(([name, value]) => found[name] === value)) return;
  const state = found
    ? durable.map(([name]) => `${name} ${found[name] ?? 'unknown'}`).join(', ')
    : 'settings that cannot be read (CONFIG is not allowed)';
  const wanted = durable.map(([name, value]) => `${name} ${value}`).join(', ');
  throw new ConfigError([
    `REDIS_DURABILITY is fsync, but Redis has ${state}. Either set ${wanted} in Redis, or set ` +
      'REDIS_DURABILITY=vouched if you know that it keeps what it answers for (or relaxed, if losing events with Redis is all right).',
  ]);
}

/** The drain of a full Redis needs scripts with flags, which came with Redis 7.0 (Valkey says 7.2 of itself). */
async function checkVersion(redis: Redis): Promise<void> {
  const version = /redis_version:(\d+)\.(\d+)/.exec(await redis.info('server'));
  if (version && Number(version[1]) < OLDEST_REDIS) {
    throw new ConfigError([
      `REDIS_URL names a Redis ${version[1]}.${version[2]}; ${OLDEST_REDIS}.0 or newer (or Valkey) is needed.`,
    ]);
  }
}

async function readSettings(redis: Redis): Promise<Found | undefined> {
  try {
    const found: Found = {};
    for (const name of SETTINGS) {
      const [, value] = (await redis.config('GET', name)) as string[];
      found[name] = value;
    }
    return found.appendonly === undefined ? undefined : found;
  } catch {
    return undefined; // managed services hide CONFIG
  }
}

async function policyFromInfo(redis: Redis): Promise<string | undefined> {
  const info = await redis.info('memory').catch(() => '');
  return /maxmemory_policy:(\S+)/.exec(info)?.[1];
}

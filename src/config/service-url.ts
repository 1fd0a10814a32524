import { readFileSync } from 'node:fs';
import type { EnvReader } from './env-reader.js';

/** What mysql2 needs to connect. */
export interface DatabaseAddress {
  user: string;
  password: string;
  database: string;
  host?: string;
  port?: number;
  socketPath?: string;
  ssl?: { ca?: Buffer; rejectUnauthorized: boolean };
}

/** What ioredis needs to connect. */
export interface RedisAddress {
  host?: string;
  port?: number;
  path?: string;
  username?: string;
  password?: string;
  db: number;
  tls?: { rejectUnauthorized: boolean };
}

/** `mysql://user:pass@host:port/db?ssl=verify&ca=FILE` or `?socketPath=FILE`. */
export function readDatabaseUrl(reader: EnvReader): DatabaseAddress | undefined {
  const name = 'DATABASE_URL';
  const value = reader.secret(name);
  if (!value) {
    reader.fault(name, 'is not set: run `npm start`, or set it to mysql://user:password@host:3306/database');
    return undefined;
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['mysql:', 'mariadb:'].includes(url.protocol)) {
    reader.fault(name, 'must look like mysql://user:password@host:3306/database');
    return undefined;
  }
  const database = decodeURIComponent(url.pathname.slice(1));
  if (!/^[\w$-]{1,64}$/.test(database)) {
    reader.fault(name, 'must end in the name of a database (letters, digits, _ and -)');
    return undefined;
  }
  const known = new Set(['ssl', 'ca', 'socketPath']);
  for (const key of url.searchParams.keys()) {
    if (!known.has(key)) reader.fault(name, `has an unknown setting "${key}" (known: ssl, ca, socketPath)`);
  }
  const address: DatabaseAddress = {
    user: decodeURIComponent(url.username) || 'root',
    password: decodeURIComponent(url.password),
    database,
  };
  const socketPath = url.searchParams.get('socketPath');
  if (socketPath) return { ...address, socketPath };
  const ssl = readTls(reader, url);
  return { ...address, host: plainHost(url), port: Number(url.port || 3306), ...(ssl ? { ssl } : {}) };
}

function readTls(reader: EnvReader, url: URL): DatabaseAddress['ssl'] | undefined {
  const mode = url.searchParams.get('ssl');
  const caFile = url.searchParams.get('ca');
  if (!mode && !caFile) return undefined;
  if (mode && !['verify', 'require'].includes(mode)) {
    reader.fault('DATABASE_URL', 'has an unknown value for ssl (known: verify, require)');
    return undefined;
  }
  if (!caFile) return { rejectUnauthorized: mode === 'verify' };
  try {
    return { ca: readFileSync(caFile), rejectUnauthorized: true };
  } catch {
    reader.fault('DATABASE_URL', 'names a ca file that cannot be read');
    return undefined;
  }
}

/** `redis://`, `rediss://` or `redis+unix:///path/to.sock?db=0`. */
export function readRedisUrl(reader: EnvReader): RedisAddress | undefined {
  const name = 'REDIS_URL';
  const value = reader.secret(name);
  if (!value) {
    reader.fault(name, 'is not set: run `npm start`, or set it to redis://host:6379');
    return undefined;
  }
  if (value.includes(',')) {
    reader.fault(name, 'names several hosts: clusters and sentinels are not supported yet, name one server');
    return undefined;
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['redis:', 'rediss:', 'redis+unix:', 'unix:'].includes(url.protocol)) {
    reader.fault(name, 'must begin with redis://, rediss:// or redis+unix://');
    return undefined;
  }
  const credentials = {
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
  };
  if (url.protocol.endsWith('unix:')) {
    const db = readDb(reader, url.searchParams.get('db') ?? '0');
    return { path: decodeURIComponent(url.pathname), db, ...credentials };
  }
  return {
    host: plainHost(url),
    port: Number(url.port || 6379),
    db: readDb(reader, url.pathname.slice(1) || '0'),
    ...credentials,
    ...(url.protocol === 'rediss:' ? { tls: { rejectUnauthorized: true } } : {}),
  };
}

function readDb(reader: EnvReader, value: string): number {
  if (/^\d{1,4}$/.test(value)) return Number(value);
  reader.fault('REDIS_URL', 'must name its database by number, as in redis://host:6379/0');
  return 0;
}

function plainHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
}

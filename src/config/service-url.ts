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
  const decode = decoder(reader, name);
  const database = decode(url.pathname.slice(1));
  if (database === undefined) return undefined;
  if (!/^[\w$-]{1,64}$/.test(database)) {
    reader.fault(name, 'must end in the name of a database (letters, digits, _ and -)');
    return undefined;
  }
  refuseUnknown(reader, name, url, ['ssl', 'ca', 'socketPath']);
  const user = decode(url.username);
  const password = decode(url.password);
  if (user === undefined || password === undefined) return undefined;
  const address: DatabaseAddress = { user: user || 'root', password, database };
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
  const isSocket = url.protocol.endsWith('unix:');
  refuseUnknown(reader, name, url, isSocket ? ['db'] : []);
  const [username, password, path] = [url.username, url.password, url.pathname].map(decoder(reader, name));
  if (username === undefined || password === undefined || path === undefined) return undefined;
  const credentials = { ...(username ? { username } : {}), ...(password ? { password } : {}) };
  if (isSocket) return { path, db: readDb(reader, url.searchParams.get('db') ?? '0'), ...credentials };
  return {
    host: plainHost(url),
    port: Number(url.port || 6379),
    db: readDb(reader, path.slice(1) || '0'),
    ...credentials,
    ...(url.protocol === 'rediss:' ? { tls: { rejectUnauthorized: true } } : {}),
  };
}

function readDb(reader: EnvReader, value: string): number {
  if (/^\d{1,4}$/.test(value)) return Number(value);
  reader.fault('REDIS_URL', 'must name its database by number, as in redis://host:6379/0');
  return 0;
}

/** @returns what decodes a part of the URL; undefined, and a fault, where it holds a % that encodes nothing */
export function decoder(reader: EnvReader, name: string): (part: string) => string | undefined {
  return (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      reader.fault(name, 'holds a % that begins no percent-encoding of UTF-8: write % itself as %25');
      return undefined;
    }
  };
}

/** A setting behind the ? that nobody reads is a fault: a misspelt one would be missed. */
export function refuseUnknown(reader: EnvReader, name: string, url: URL, known: readonly string[]): void {
  for (const key of new Set(url.searchParams.keys())) {
    if (!known.includes(key))
      reader.fault(name, `has an unknown setting "${key}" (known: ${known.join(', ') || 'none'})`);
  }
}

function plainHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
}

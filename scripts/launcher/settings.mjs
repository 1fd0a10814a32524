import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';
import { LaunchError } from './terminal.mjs';

/** The project's folder. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The environment with .env below it: what is really set wins, an empty value too. What is empty then counts as unset, as
 * in the product.
 */
export function readEnvironment() {
  const file = join(ROOT, '.env');
  const written = existsSync(file) ? util.parseEnv(readFileSync(file, 'utf8')) : {};
  return Object.fromEntries(Object.entries({ ...written, ...process.env }).filter(([, value]) => value?.trim()));
}

/** What the launcher itself must know of the configuration; the product validates all of it. */
export function readSettings(env) {
  const host = env.HOST?.trim() || '127.0.0.1';
  const port = Number(env.PORT ?? 3000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new LaunchError('PORT must be a whole number from 1 to 65535');
  }
  const clickhouse = secrets(env, ['CLICKHOUSE_URL', 'CLICKHOUSE_COPY_URL']);
  // The engine that would be started otherwise is one server.
  if (env.CLICKHOUSE_CLUSTER?.trim() && !clickhouse.CLICKHOUSE_URL) {
    throw new LaunchError('CLICKHOUSE_CLUSTER needs CLICKHOUSE_URL beside it, which names a server of the cluster');
  }
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  const local = `http://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`;
  return {
    env,
    host,
    port,
    /** Where this machine reaches the API, and the address for people. */
    localUrl: local,
    publicUrl: env.PUBLIC_URL?.trim().replace(/\/+$/, '') || local,
    dataDir: resolve(ROOT, env.DATA_DIR?.trim() || '.data'),
    databaseUrl: secret(env, 'DATABASE_URL'),
    redisUrl: secret(env, 'REDIS_URL'),
    /** A server of one's own, if one is set. */
    clickhouse,
    /** Whether an engine is to run where no CLICKHOUSE_URL names a server. */
    engine: readEngine(env),
    /** 0: any that is free. */
    enginePort: readEnginePort(env),
    engineFolder: resolve(ROOT, env.ENGINE_FOLDER?.trim() || 'engine'),
    /** Passwords of the engine that are set; those that are not are made. */
    enginePasswords: secrets(env, ['ENGINE_QUESTION_PASSWORD', 'ENGINE_COPY_PASSWORD']),
    shutdownTimeoutMs: Number(env.SHUTDOWN_TIMEOUT_MS) || 10_000,
  };
}

/** Those that are set. @returns {Record<string, string>} */
function secrets(env, names) {
  const found = names.map((name) => [name, secret(env, name)]);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

function readEngine(env) {
  const engine = env.ENGINE?.trim() || 'embedded';
  if (engine === 'embedded' || engine === 'none') return engine;
  throw new LaunchError('ENGINE must be one of: embedded, none');
}

function readEnginePort(env) {
  const port = Number(env.ENGINE_PORT ?? 0);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new LaunchError('ENGINE_PORT must be a whole number from 0 to 65535');
}

/** `NAME`, or the content of the file that `NAME_FILE` names. Faults are told in the product's words: it never sees them. */
function secret(env, name) {
  const file = env[`${name}_FILE`];
  if (env[name] && file) throw new LaunchError(`${name} and ${name}_FILE are both set: keep one of them`);
  if (!file) return env[name]?.trim();
  const content = readText(file.trim());
  if (content === undefined) throw new LaunchError(`${name}_FILE names a file that cannot be read`);
  if (!content) throw new LaunchError(`${name}_FILE names an empty file`);
  return content;
}

function readText(file) {
  try {
    return readFileSync(resolve(ROOT, file), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A path as a person at the project's folder would type it. */
export function nice(path) {
  const short = relative(ROOT, path);
  return short.startsWith('..') ? path : short;
}

/** A part of DATABASE_URL as it was before it was percent-encoded. */
export function decodedPart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new LaunchError('DATABASE_URL holds a % that begins no percent-encoding of UTF-8: write % itself as %25');
  }
}

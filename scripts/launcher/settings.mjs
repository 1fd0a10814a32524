import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';
import { LaunchError } from './terminal.mjs';

/** The project's folder. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Names that a process needs of its surroundings, besides ours. */
const SYSTEM_NAMES =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TERM|COLORTERM|COLUMNS|LINES|TMPDIR|TEMP|TMP|CI|FORCE_COLOR|NO_COLOR|SYSTEMROOT|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy|(LC|XDG|npm|PLAYWRIGHT|PUPPETEER|CHROME|CHROMIUM)_.*)$/i;

/**
 * The environment with .env below it: what is really set wins, an empty value too. What is empty then counts as unset, as
 * in the product.
 */
export function readEnvironment() {
  const file = join(ROOT, '.env');
  const written = existsSync(file) ? util.parseEnv(readFileSync(file, 'utf8')) : {};
  return Object.fromEntries(Object.entries({ ...written, ...process.env }).filter(([, value]) => value?.trim()));
}

/** The environment without a single variable of the product, whatever it is called. */
export function systemEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => SYSTEM_NAMES.test(name)));
}

/** What the launcher itself must know of the configuration; the product validates all of it. */
export function readSettings(env) {
  const host = env.HOST?.trim() || '127.0.0.1';
  const port = Number(env.PORT ?? 3000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new LaunchError('PORT must be a whole number from 1 to 65535');
  }
  const local = `http://${{ '0.0.0.0': '127.0.0.1', '::': '[::1]', '::1': '[::1]' }[host] ?? host}:${port}`;
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
    shutdownTimeoutMs: Number(env.SHUTDOWN_TIMEOUT_MS) || 10_000,
  };
}

/** `NAME`, or the content of the file that `NAME_FILE` names. */
function secret(env, name) {
  const file = env[`${name}_FILE`];
  if (env[name] || !file) return env[name]?.trim();
  try {
    return readFileSync(resolve(ROOT, file), 'utf8').trim();
  } catch {
    throw new LaunchError(`${name}_FILE names a file that cannot be read`);
  }
}

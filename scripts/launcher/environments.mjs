import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './settings.mjs';

// What each child process gets of the environment: the variables it needs, and no other. The environment of a person or of
// a service may hold secrets, ours and other programs', which a database server or an installer has no use for.

/** Every program: where programs and files are, and how to write text. */
const BASIC = /^(PATH|HOME|LANG|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT)$/i;
/** Programs that a person looks at, or that know the person by name. */
const PERSONAL = /^(USER|LOGNAME|SHELL|LANGUAGE|LC_.*|TERM|TERMINFO|COLORTERM|COLUMNS|LINES|FORCE_COLOR|NO_COLOR|CI)$/i;
/** Programs that reach other machines. */
const NETWORK = /^((https?|no|all|ftp)_proxy|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|NODE_USE_ENV_PROXY)$/i;
/** Node itself. */
const NODE = /^(NODE_ENV|NODE_OPTIONS|UV_THREADPOOL_SIZE|OPENSSL_CONF)$/;
/** npm's settings, and the tokens of private registries that an .npmrc may name. */
const NPM = /^(npm_.*|NODE_AUTH_TOKEN|XDG_.*)$/i;
/** The browser that tests drive. */
const BROWSER = /^(PLAYWRIGHT|PUPPETEER|CHROME|CHROMIUM)_.*$/;
/** The shells of MariaDB and MySQL. */
const SQL_SHELL = /^(PAGER|EDITOR|VISUAL|LESS|(MYSQL|MARIADB)_(PS1|HISTFILE|HISTIGNORE))$/;

/** Variables of the product that only the process that answers people needs. */
const SIGN_IN = /^(USER_TOKEN_SECRET|KEY_TOKEN_SECRET|GOOGLE_.*)$/;
const API =
  /^(PORT|PUBLIC_URL|SIGN_IN_.*|OPERATORS|LOCAL_SIGN_IN|SESSION_MAX_DAYS|RATE_LIMITS|TRACKER_NAME|COLLECT_PATH)$/;
/** Only the engine itself: everything else reaches it by CLICKHOUSE_URL. */
const ENGINE = /^ENGINE(_.*)?$/;
/** Who makes tables and copies, which the API never does. */
const COPYING = /^CLICKHOUSE_COPY_URL$/;
/** All that the engine needs. */
const OF_ENGINE = /^(ENGINE_.*|DATA_DIR|LOG_LEVEL)$/;
/** What a command must not have; whether there is a Google client decides who may sign in, which `accounts` tells. */
const SECRETS = /^(USER_TOKEN_SECRET|KEY_TOKEN_SECRET|GOOGLE_CLIENT_SECRET|GOOGLE_.*_URL)$/;
const METRICS = /^METRICS_TOKEN$/;

/** @returns {NodeJS.ProcessEnv} */
function pick(source, ...allowed) {
  return Object.fromEntries(Object.entries(source).filter(([name]) => allowed.some((names) => names.test(name))));
}

/**
 * For a database or Redis server and for small tools.
 * @param own variables of the program itself, as LD_LIBRARY_PATH of one that was unpacked
 * @returns {NodeJS.ProcessEnv}
 */
export function serverEnvironment(own = {}, source = process.env) {
  return { ...pick(source, BASIC, /^LD_LIBRARY_PATH$/), ...own };
}

/** For apt and dpkg. */
export function packageToolEnvironment(source = process.env) {
  return { ...pick(source, BASIC, NETWORK), LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
}

export function npmEnvironment(source = process.env) {
  return pick(source, BASIC, PERSONAL, NETWORK, NODE, NPM);
}

/** For the compilers. */
export function buildEnvironment(source = process.env) {
  return pick(source, BASIC, PERSONAL, NODE);
}

/** For `npm run db`. */
export function sqlShellEnvironment(own = {}, source = process.env) {
  return { ...pick(source, BASIC, PERSONAL, SQL_SHELL), ...own };
}

/** Without a single variable of the product, whatever it is called: for tests and benchmarks. */
export function systemEnvironment(source = process.env) {
  return pick(source, BASIC, PERSONAL, NETWORK, /^NODE_OPTIONS$/, NPM, BROWSER);
}

/**
 * For a process of the product: what .env.example explains, each with its `…_FILE`, less what the role has no use for.
 * @param role `api`, `worker`, `engine` or `command`
 */
export function productEnvironment(role, source) {
  const useless = {
    api: [ENGINE, COPYING],
    worker: [ENGINE, SIGN_IN, API],
    command: [ENGINE, SECRETS, METRICS],
    engine: [],
  }[role];
  const known = new Set(explainedVariables());
  const wanted = Object.entries(source).filter(([name]) => {
    const variable = name.replace(/_FILE$/, '');
    if (role === 'engine' && !OF_ENGINE.test(variable)) return false;
    return known.has(variable) && !useless.some((names) => names.test(variable));
  });
  return { ...pick(source, BASIC, PERSONAL, NETWORK, NODE), ...Object.fromEntries(wanted) };
}

/** A test holds .env.example to what the product reads. */
function explainedVariables() {
  const text = readFileSync(join(ROOT, '.env.example'), 'utf8');
  return [...text.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1]);
}

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { serverEnvironment } from './environments.mjs';
import { ROOT } from './settings.mjs';

/**
 * A database or Redis server that can be run.
 * @typedef {{path: string, flavour: string, version: string, prefix: string, env: Record<string, string>,
 *   fetched: boolean}} ServerBinary `prefix` is the folder that holds bin/, sbin/ and share/
 */

const HOMEBREW = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'];
const HOMEBREW_FORMULAS = ['mariadb', 'mysql', 'redis', 'valkey'];

/** Folders where programs may be, in the order of preference: what the person has, then what we fetched. */
function searchPath(dataDir) {
  const system = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/usr/local/mysql/bin', '/usr/libexec'],
    ...HOMEBREW.flatMap((home) => [
      join(home, 'bin'),
      ...HOMEBREW_FORMULAS.map((name) => join(home, 'opt', name, 'bin')),
    ]),
  ].map((folder) => ({ folder, env: {}, fetched: false }));
  return [...system, ...fetchedFolders(dataDir)].filter(({ folder }) => folder.startsWith('/'));
}

/** bin/mysql and bin/redis hold unpacked packages, whose libraries are beside them. */
function fetchedFolders(dataDir) {
  return [join(dataDir, 'bin'), join(ROOT, '.data', 'bin')].flatMap((bin) =>
    ['mysql', 'redis'].flatMap((name) => {
      const root = join(bin, name);
      const env = { LD_LIBRARY_PATH: libraryFolders(root).join(':') };
      return ['usr/sbin', 'usr/bin'].map((folder) => ({ folder: join(root, folder), env, fetched: true }));
    }),
  );
}

function libraryFolders(root) {
  return ['usr/lib', 'lib'].flatMap((name) => {
    const folder = join(root, name);
    if (!existsSync(folder)) return [];
    const triplets = readdirSync(folder).filter((entry) => entry.includes('-linux-'));
    return [...triplets.map((triplet) => join(folder, triplet)), folder];
  });
}

/** Every program of one of these names, once. */
function* programs(names, dataDir) {
  const seen = new Set();
  for (const { folder, env, fetched } of searchPath(dataDir)) {
    for (const name of names) {
      const path = join(folder, name);
      if (!isProgram(path)) continue;
      const real = realpathSync(path);
      if (seen.has(real)) continue;
      seen.add(real);
      yield { path, env, fetched };
    }
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** All servers of a kind that are here and can say their version. @returns {ServerBinary[]} */
export function findServers(kind, dataDir) {
  const found = [];
  for (const { path, env, fetched } of programs(kind.programs, dataDir)) {
    const { stdout } = spawnSync(path, kind.versionArgs, {
      encoding: 'utf8',
      timeout: 10_000,
      env: serverEnvironment(env),
    });
    const known = kind.readVersion(stdout ?? '');
    if (known) found.push({ path, env, fetched, prefix: dirname(dirname(path)), ...known });
  }
  return found;
}

/** A program that comes with a server: beside it, or wherever else. */
export function findTool(names, dataDir, near) {
  for (const folder of near ? [dirname(near.path), join(near.prefix, 'bin'), join(near.prefix, 'scripts')] : []) {
    for (const name of names) {
      if (isProgram(join(folder, name))) return { path: join(folder, name), env: near.env };
    }
  }
  return programs(names, dataDir).next().value;
}

/** Negative when a is older than b; looks at as many parts as `parts` says. */
export function compareVersions(a, b, parts = 3) {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let i = 0; i < parts; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}

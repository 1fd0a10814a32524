import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { serverEnvironment } from './environments.mjs';
import { ROOT } from './settings.mjs';

/**
 * A database or Redis server that can be run.
 * @typedef {{path: string, flavour: string, version: string, prefix: string, env: Record<string, string>,
 *   fetched: boolean, fault?: string}} ServerBinary `prefix` is the folder that holds bin/, sbin/ and share/
 */

const HOMEBREW = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'];
const HOMEBREW_FORMULAS = ['mariadb', 'mysql', 'redis', 'valkey'];

/** Folders where programs may be, in the order of preference: what the person has, then what we fetched into `dataDir`. */
function searchPath(dataDir) {
  const system = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/usr/local/mysql/bin', '/usr/libexec'],
    ...HOMEBREW.flatMap((home) => [
      join(home, 'bin'),
      ...HOMEBREW_FORMULAS.map((name) => join(home, 'opt', name, 'bin')),
    ]),
  ].map((folder) => ({ folder, env: {}, fetched: false }));
  return [...system, ...(dataDir ? fetchedFolders(dataDir) : [])].filter(({ folder }) => folder.startsWith('/'));
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

/** Every program of one of these names, once. A link that leads nowhere is one too, with a `fault`. */
function* programs(names, dataDir) {
  const seen = new Set();
  for (const { folder, env, fetched } of searchPath(dataDir)) {
    for (const name of names) {
      const path = join(folder, name);
      const isLost = leadsNowhere(path);
      if (!isLost && !isProgram(path)) continue;
      const real = isLost ? path : realpathSync(path);
      if (seen.has(real)) continue;
      seen.add(real);
      yield { path, env, fetched, ...(isLost ? { fault: 'a link that leads nowhere' } : {}) };
    }
  }
}

function leadsNowhere(link) {
  try {
    return lstatSync(link).isSymbolicLink() && !existsSync(link);
  } catch {
    return false; // nothing there, or a file where a folder should be
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * All servers of a kind that are here. One that cannot say its version has a `fault` in place of flavour and version.
 * @returns {ServerBinary[]}
 */
export function findServers(kind, dataDir) {
  return [...programs(kind.programs, dataDir)].map((program) => {
    if (program.fault) return program;
    const { path, env } = program;
    const answer = runBriefly(path, kind.versionArgs, env);
    const known = kind.readVersion(answer.stdout);
    return known ? { ...program, prefix: dirname(dirname(path)), ...known } : { ...program, fault: answer.fault };
  });
}

/** What a program says within ten seconds, and what there is to say against it. */
function runBriefly(path, args, env) {
  const { stdout, stderr, error, signal, status } = spawnSync(path, args, {
    encoding: 'utf8',
    timeout: 10_000,
    killSignal: 'SIGKILL',
    env: serverEnvironment(env),
  });
  const said = `${stderr ?? ''}`.trim().split('\n')[0];
  const ended =
    /** @type {NodeJS.ErrnoException | undefined} */ (error)?.code ??
    (signal ? `ended by ${signal}` : `exit code ${status}`);
  return { stdout: stdout ?? '', isWell: !error && status === 0, fault: said ? `${ended}: ${said}` : ended };
}

/** The first of the programs that runs. */
export function findWorkingTool(names, dataDir) {
  for (const program of programs(names, dataDir)) {
    if (!program.fault && runBriefly(program.path, ['--version'], program.env).isWell) return program;
  }
  return undefined;
}

/** A program that comes with a server: beside it, or wherever else. */
export function findTool(names, dataDir, near) {
  for (const folder of near ? [dirname(near.path), join(near.prefix, 'bin'), join(near.prefix, 'scripts')] : []) {
    for (const name of names) {
      if (isProgram(join(folder, name))) return { path: join(folder, name), env: near.env };
    }
  }
  return [...programs(names, dataDir)].find(({ fault }) => !fault);
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

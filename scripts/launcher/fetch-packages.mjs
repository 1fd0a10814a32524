import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageToolEnvironment } from './environments.mjs';
import { findTool } from './server-binaries.mjs';
import { run } from './processes.mjs';
import { LaunchError } from './terminal.mjs';

/** Whether this system has the tools of Debian and Ubuntu. */
export function canFetch() {
  return process.platform === 'linux' && ['apt-get', 'dpkg'].every((name) => findTool([name], '/'));
}

/**
 * Downloads packages with all that they need and this system lacks, and unpacks them into a folder. Nothing is installed,
 * no service started, no file of the system touched; any user may do it.
 * @param choices lists of package names, the best first; the first list that can be had is taken
 */
export async function fetchPackages(choices, into) {
  const fresh = `${into}.new`;
  const archives = join(fresh, 'archives');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(archives, { recursive: true, mode: 0o700 });
  try {
    await withPackageLists(join(fresh, 'apt'), async (options) => {
      const names = await resolvePackages(choices, options);
      await apt([...options, 'download', ...names], archives);
    });
    for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(archives, file), fresh], { what: 'dpkg -x' });
    }
    for (const folder of [archives, join(fresh, 'apt')]) rmSync(folder, { recursive: true });
    rmSync(into, { recursive: true, force: true });
    renameSync(fresh, into);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Works with the system's package lists; where they are missing or out of date, with lists of our own. */
async function withPackageLists(home, work) {
  mkdirSync(join(home, 'lists', 'partial'), { recursive: true, mode: 0o700 });
  mkdirSync(join(home, 'archives', 'partial'), { recursive: true, mode: 0o700 });
  const cache = [
    ...(process.getuid() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []),
    ...['-o', `Dir::Cache=${home}`, '-o', 'Acquire::Retries=2', '-o', 'Debug::NoLocking=1'],
  ];
  const ownLists = [...cache, '-o', `Dir::State::lists=${join(home, 'lists')}/`];
  try {
    return await work(cache);
  } catch {
    await apt([...ownLists, '-o', 'APT::Update::Error-Mode=any', 'update'], home);
    return await work(ownLists);
  }
}

/** Names of the packages and of everything they depend on that is not installed here. */
async function resolvePackages(choices, options) {
  let failure;
  for (const names of choices) {
    try {
      const plan = await apt([...options, '-s', '--no-install-recommends', 'install', ...names]);
      const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]);
      return [...new Set([...missing, ...names])];
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** @throws LaunchError with apt's own errors, without its progress */
async function apt(args, cwd) {
  try {
    return await run('apt-get', ['-q', ...args], { cwd, env: packageToolEnvironment(), what: 'apt-get' });
  } catch (error) {
    const said = error.message.split('\n').filter((line) => line.startsWith('E: '));
    throw said.length > 0 ? new LaunchError(said.join('\n')) : error;
  }
}

/** The command with which a person gets the servers on this system. */
export function installCommand(missing) {
  const wants = (name) => missing.includes(name);
  const [manager, packages] = packageManager();
  return `${manager} ${['mysql', 'redis']
    .filter(wants)
    .map((name) => packages[name])
    .join(' ')}`;
}

function packageManager() {
  if (process.platform === 'darwin') return ['brew install', { mysql: 'mariadb', redis: 'redis' }];
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const is = (name) => new RegExp(`^ID(_LIKE)?=.*\\b${name}\\b`, 'm').test(release);
  if (is('alpine')) return ['apk add', { mysql: 'mariadb mariadb-client', redis: 'redis' }];
  if (is('arch')) return ['sudo pacman -S', { mysql: 'mariadb', redis: 'valkey' }];
  if (/^ID=fedora/m.test(release)) return ['sudo dnf install', { mysql: 'mariadb-server', redis: 'valkey' }];
  if (is('fedora') || is('rhel')) return ['sudo dnf install', { mysql: 'mariadb-server', redis: 'redis' }];
  if (is('suse')) return ['sudo zypper install', { mysql: 'mariadb', redis: 'redis' }];
  const sudo = process.getuid() === 0 ? '' : 'sudo ';
  return [
    `${sudo}apt-get update && ${sudo}apt-get install -y`,
    { mysql: 'mariadb-server-core mariadb-client-core', redis: 'redis-server' },
  ];
}

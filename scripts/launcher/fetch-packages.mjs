import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageToolEnvironment } from './environments.mjs';
import { baseSystemStatus } from './package-status.mjs';
import { findTool } from './server-binaries.mjs';
import { run } from './processes.mjs';
import { LaunchError } from './terminal.mjs';

/** Whether this system has the tools of Debian and Ubuntu. */
export function canFetch() {
  return process.platform === 'linux' && ['apt-get', 'dpkg'].every((name) => findTool([name]));
}

/**
 * Downloads packages with all that they need beyond the base system, and unpacks them into a folder. Nothing is installed,
 * no service started, no file of the system touched; any user may do it. What of these packages is installed does not
 * count: a program may be a link into one of them, or need another version.
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
    // What comes along may be made to run as root; none of it needs to here.
    await run('chmod', ['-R', 'ug-s', fresh], { what: 'chmod' });
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
  const status = join(home, 'status');
  writeFileSync(status, baseSystemStatus());
  const cache = [
    ...(process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []),
    ...[
      '-o',
      `Dir::State::status=${status}`,
      '-o',
      `Dir::Cache=${home}`,
      '-o',
      'Acquire::Retries=2',
      '-o',
      'Debug::NoLocking=1',
    ],
  ];
  const ownLists = [...cache, '-o', `Dir::State::lists=${join(home, 'lists')}/`];
  try {
    return await work(cache);
  } catch {
    await apt([...ownLists, '-o', 'APT::Update::Error-Mode=any', 'update'], home);
    return await work(ownLists);
  }
}

/** Names of the packages and of everything they depend on beyond the base system. */
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

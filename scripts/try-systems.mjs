import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './launcher/settings.mjs';
import { say } from './launcher/terminal.mjs';

// As root, with debootstrap: node scripts/try-systems.mjs [--work FOLDER] [SYSTEM…]. Makes each system in a temporary folder, installs what
// its owner may have, and finds or fetches the servers there as npm start does, as a user who may install nothing. Needs
// the mirrors, some 2 GB and some minutes, so the tests do not run it; docs/adr/0017-hardening.md has what was found.

const UBUNTU_KEYRING = '/usr/share/keyrings/ubuntu-archive-keyring.gpg';
const DEBIAN = { mirror: 'http://deb.debian.org/debian', components: 'main', script: 'sid' };
const UBUNTU = { mirror: 'http://archive.ubuntu.com/ubuntu', components: 'main,universe', script: 'gutsy' };
const SYSTEMS = {
  bookworm: DEBIAN,
  trixie: DEBIAN,
  testing: DEBIAN,
  noble: UBUNTU,
  resolute: UBUNTU,
};

/** What is installed before, and what is then broken. */
/** @type {Record<string, { install?: string[], breaks?: string }>} */
const CASES = {
  nothing: {},
  'redis-tools': { install: ['redis-tools'] },
  'mariadb-client': { install: ['mariadb-client'] },
  'both clients': { install: ['redis-tools', 'mariadb-client'] },
  'both servers': { install: ['redis-server', 'mariadb-server-core', 'mariadb-client-core'] },
  'half of both servers': {
    install: ['redis-server', 'mariadb-server-core', 'mariadb-client-core'],
    breaks:
      'rm -f /usr/bin/redis-check-rdb /usr/bin/valkey-check-rdb /usr/bin/mariadb-install-db /usr/bin/mysql_install_db',
  },
  'servers that crash': {
    breaks:
      'for n in redis-server mariadbd; do printf "#!/bin/sh\\nkill -SEGV \\$\\$\\n" > /usr/bin/$n; chmod 755 /usr/bin/$n; done',
  },
};
const STEP_DEADLINE_MS = 10 * 60_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { work: { type: 'string' } } });
/** With --work the base systems are kept there for the next run. */
const work = values.work ?? mkdtempSync(join(tmpdir(), 'tallystone-systems-'));

/** Runs a program; what it says goes to the log. @returns its exit code and output */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: STEP_DEADLINE_MS,
      env: {
        PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/tmp',
        LC_ALL: 'C.UTF-8',
        DEBIAN_FRONTEND: 'noninteractive',
      },
      ...options,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code, signal) => resolve({ code: signal ?? code, output }));
  });
}

const tail = (text) => text.trim().split('\n').slice(-6).join('\n');

/** Removes a folder, and never what of this machine is still mounted in it. */
async function remove(folder) {
  await run('rm', ['-rf', '--one-file-system', folder]);
}

/** The base system, with Node and the launcher in it. @returns its folder */
async function makeBase(suite) {
  const { mirror, components, script } = SYSTEMS[suite];
  const base = join(work, suite);
  if (existsSync(join(base, 'opt', 'tallystone'))) {
    cpSync(join(ROOT, 'scripts'), join(base, 'opt', 'tallystone', 'scripts'), { recursive: true });
    return base;
  }
  const trust = mirror.includes('ubuntu') && !existsSync(UBUNTU_KEYRING) ? ['--no-check-gpg'] : [];
  const scripts = '/usr/share/debootstrap/scripts';
  const { code, output } = await run('debootstrap', [
    ...['--variant=minbase', `--components=${components}`, ...trust],
    ...(trust.length === 0 && mirror.includes('ubuntu') ? [`--keyring=${UBUNTU_KEYRING}`] : []),
    ...[suite, base, mirror, join(scripts, existsSync(join(scripts, suite)) ? suite : script)],
  ]);
  if (code !== 0) throw new Error(`debootstrap failed (${code}):\n${tail(output)}`);
  if (trust.length > 0) say(`${suite}: the packages' signatures were not checked (no ${UBUNTU_KEYRING} here)`);
  cpSync(realpathSync(process.execPath), join(base, 'usr', 'local', 'bin', 'node'));
  mkdirSync(join(base, 'opt', 'tallystone'), { recursive: true });
  cpSync(join(ROOT, 'scripts'), join(base, 'opt', 'tallystone', 'scripts'), { recursive: true });
  writeFileSync(join(base, 'usr', 'sbin', 'policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  for (const file of ['resolv.conf', 'hosts'])
    cpSync(join('/etc', file), join(base, 'etc', file), { dereference: true });
  return base;
}

/** @param {string} base @param {{ install?: string[], breaks?: string }} what */
async function tryCase(base, { install = [], breaks }) {
  const root = `${base}-case`;
  await run('cp', ['-a', base, root]);
  const mounts = ['proc', 'dev'].map((folder) => join(root, folder));
  await run('mount', ['-t', 'proc', 'proc', mounts[0]]);
  await run('mount', ['--bind', '/dev', mounts[1]]);
  try {
    const inside = (user, ...command) => run('chroot', [`--userspec=${user}`, root, ...command]);
    if (install.length > 0) {
      const got = await inside('0:0', 'apt-get', 'install', '-y', '-q', '--no-install-recommends', ...install);
      if (got.code !== 0) return `not tried: ${install.join(' ')} cannot be installed there\n${tail(got.output)}`;
    }
    if (breaks) await inside('0:0', 'sh', '-c', breaks);
    const begun = performance.now();
    const folder = '/tmp/data';
    const { code, output } = await inside(
      '1000:1000',
      'node',
      '/opt/tallystone/scripts/systems/serve-once.mjs',
      folder,
    );
    const served = [...output.matchAll(/^serves (.*)$/gm)].map(([, text]) => text).join(', ');
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    return code === 0 ? `works: ${served} (${seconds} s)` : `FAILS (${code})\n${tail(output)}`;
  } finally {
    for (const folder of mounts) await run('umount', ['-l', folder]);
    await remove(root);
  }
}

if (process.getuid?.() !== 0 || (await run('debootstrap', ['--version'])).code !== 0) {
  say('This needs root and debootstrap: sudo apt-get install -y debootstrap');
  process.exit(1);
}
for (const suite of positionals.length > 0 ? positionals : Object.keys(SYSTEMS)) {
  try {
    const base = await makeBase(suite);
    for (const [name, what] of Object.entries(CASES)) {
      const result = await tryCase(base, what);
      say(`${suite} | ${name} | ${result}`);
      if (result.startsWith('FAILS')) process.exitCode = 1;
    }
    if (!values.work) await remove(base);
  } catch (error) {
    say(`${suite} | not tried: ${error.message}`);
  }
}
if (!values.work) await remove(work);

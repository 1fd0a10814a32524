import { existsSync, readFileSync } from 'node:fs';

/** How to install with each package manager, and what the packages are called. `sudo`: only root may install. */
const MANAGERS = {
  brew: { install: 'brew install', mysql: 'mariadb', redis: 'redis', sqlShell: 'mariadb', npm: 'node' },
  apk: {
    sudo: true,
    install: 'apk add',
    mysql: 'mariadb mariadb-client',
    redis: 'redis',
    sqlShell: 'mariadb-client',
    npm: 'npm',
  },
  pacman: {
    sudo: true,
    install: 'pacman -S',
    mysql: 'mariadb',
    redis: 'valkey',
    sqlShell: 'mariadb-clients',
    npm: 'npm',
  },
  fedora: {
    sudo: true,
    install: 'dnf install',
    mysql: 'mariadb-server',
    redis: 'valkey',
    sqlShell: 'mariadb',
    npm: 'npm',
  },
  rhel: {
    sudo: true,
    install: 'dnf install',
    mysql: 'mariadb-server',
    redis: 'redis',
    sqlShell: 'mariadb',
    npm: 'npm',
  },
  zypper: {
    sudo: true,
    install: 'zypper install',
    mysql: 'mariadb',
    redis: 'redis',
    sqlShell: 'mariadb-client',
    npm: 'npm-default',
  },
  xbps: {
    sudo: true,
    install: 'xbps-install -S',
    mysql: 'mariadb',
    redis: 'redis',
    sqlShell: 'mariadb',
    npm: 'nodejs',
  },
  emerge: {
    sudo: true,
    install: 'emerge --ask',
    mysql: 'dev-db/mariadb',
    redis: 'dev-db/redis',
    sqlShell: 'dev-db/mariadb',
    npm: 'net-libs/nodejs',
  },
  nix: { install: 'nix-shell -p', mysql: 'mariadb', redis: 'redis', sqlShell: 'mariadb', npm: 'nodejs' },
  pkg: {
    sudo: true,
    install: 'pkg install',
    mysql: 'mariadb1011-server',
    redis: 'redis',
    sqlShell: 'mariadb1011-client',
    npm: 'npm',
  },
  apt: {
    sudo: true,
    update: 'apt-get update && ',
    install: 'apt-get install -y',
    mysql: 'mariadb-server-core mariadb-client-core',
    redis: 'redis-server',
    sqlShell: 'mariadb-client',
    npm: 'npm',
  },
};

/** By what /etc/os-release says of itself, ID or ID_LIKE. */
const BY_RELEASE = [
  ['alpine', 'apk'],
  ['arch', 'pacman'],
  ['rhel', 'rhel'],
  ['fedora', 'fedora'],
  ['suse', 'zypper'],
  ['void', 'xbps'],
  ['gentoo', 'emerge'],
  ['nixos', 'nix'],
  ['debian', 'apt'],
  ['ubuntu', 'apt'],
];

/**
 * The one command with which a person gets on this system what is missing.
 * @param missing names out of `mysql`, `redis`, `sqlShell` and `npm`
 * @param release text of /etc/os-release
 * @param {Pick<NodeJS.Process, 'platform' | 'getuid'>} system
 */
export function installCommand(missing, release = osRelease(), { platform, getuid } = process) {
  const manager = MANAGERS[managerOf(release, platform)];
  const sudo = manager.sudo && getuid?.() !== 0 ? 'sudo ' : '';
  const packages = missing.map((name) => manager[name]).join(' ');
  const update = manager.update ? `${sudo}${manager.update}` : '';
  return `${update}${sudo}${manager.install} ${packages}`;
}

function managerOf(release, platform) {
  if (platform === 'darwin') return 'brew';
  if (platform === 'freebsd') return 'pkg';
  // Its own name first: Fedora's and RHEL's name each other.
  for (const field of ['ID', 'ID_LIKE']) {
    const said = new RegExp(`^${field}=(.*)$`, 'm').exec(release)?.[1] ?? '';
    const found = BY_RELEASE.find(([name]) => new RegExp(`\\b${name}`).test(said));
    if (found) return found[1];
  }
  return 'apt';
}

function osRelease() {
  return existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
}

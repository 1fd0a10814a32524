import { installCommand } from './install-command.mjs';

const system = (platform: NodeJS.Platform, uid = 1000) => ({ platform, getuid: () => uid });

test.each([
  ['Debian', 'ID=debian', 'sudo apt-get update && sudo apt-get install -y redis-server'],
  [
    'Linux Mint',
    'ID=linuxmint\nID_LIKE="ubuntu debian"',
    'sudo apt-get update && sudo apt-get install -y redis-server',
  ],
  ['a system that says nothing of itself', '', 'sudo apt-get update && sudo apt-get install -y redis-server'],
  ['Fedora', 'ID=fedora', 'sudo dnf install valkey'],
  ['Rocky Linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"', 'sudo dnf install redis'],
  ['RHEL', 'ID="rhel"\nID_LIKE="fedora"', 'sudo dnf install redis'],
  ['openSUSE', 'ID="opensuse-leap"\nID_LIKE="suse opensuse"', 'sudo zypper install redis'],
  ['Alpine', 'ID=alpine', 'sudo apk add redis'],
  ['Manjaro', 'ID=manjaro\nID_LIKE=arch', 'sudo pacman -S valkey'],
  ['Void', 'ID="void"', 'sudo xbps-install -S redis'],
  ['NixOS', 'ID=nixos', 'nix-shell -p redis'],
  ['Gentoo', 'ID=gentoo', 'sudo emerge --ask dev-db/redis'],
])('%s', (_name, release, command) => {
  expect(installCommand(['redis'], release, system('linux'))).toBe(command);
});

test('root needs no sudo, and several packages are one command', () => {
  const root = system('linux', 0);
  expect(installCommand(['mysql', 'redis'], 'ID=alpine', root)).toBe('apk add mariadb mariadb-client redis');
  expect(installCommand(['redis'], 'ID=debian', root)).toBe('apt-get update && apt-get install -y redis-server');
});

test('macOS and FreeBSD', () => {
  expect(installCommand(['redis'], '', system('darwin'))).toBe('brew install redis');
  expect(installCommand(['redis'], 'ID=freebsd', system('freebsd'))).toBe('sudo pkg install redis');
});

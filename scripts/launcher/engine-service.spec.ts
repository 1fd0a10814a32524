import { engineMissing } from './engine-service.mjs';

const missing = (platform: NodeJS.Platform, arch: NodeJS.Architecture, hasGlibc = true, engine = 'embedded') =>
  engineMissing({ engine }, { platform, arch }, hasGlibc);

test.each([
  ['linux', 'x64'],
  ['linux', 'arm64'],
  ['darwin', 'x64'],
  ['darwin', 'arm64'],
] as const)('chDB has a binary for %s %s', (platform, arch) => {
  expect(missing(platform, arch, platform === 'linux')).toBeUndefined();
});

test.each([
  ['linux', 'x64', false, 'linux x64 without glibc'],
  ['linux', 'riscv64', true, 'linux riscv64'],
  ['freebsd', 'x64', false, 'freebsd x64'],
] as const)('%s %s is told what it lacks, and how to get it', (platform, arch, hasGlibc, system) => {
  expect(missing(platform, arch, hasGlibc)).toBe(
    `There is no ClickHouse engine for ${system}: events are collected and counted, but questions that ClickHouse answers are refused. To have one, set CLICKHOUSE_URL to a ClickHouse server.`,
  );
});

test('ENGINE=none is told first', () => {
  expect(missing('linux', 'x64', true, 'none')).toMatch(/^No ClickHouse engine runs \(ENGINE=none\)/);
});

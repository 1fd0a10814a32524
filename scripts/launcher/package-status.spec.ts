import { baseSystemStatus } from './package-status.mjs';

const stanza = (name: string, fields: Record<string, string>, status = 'install ok installed'): string =>
  [`Package: ${name}`, `Status: ${status}`, ...Object.entries(fields).map(([key, value]) => `${key}: ${value}`)].join(
    '\n',
  );

const STATUS = `${[
  stanza('bash', {
    Essential: 'yes',
    'Pre-Depends': 'libc6 (>= 2.36), libtinfo6 (>= 6)',
    Depends: 'base-files (>= 2)',
  }),
  stanza('base-files', { Essential: 'yes', Depends: 'awk' }),
  stanza('mawk', { Priority: 'optional', Provides: 'awk', Depends: 'libc6:any | musl' }),
  stanza('libc6', { Priority: 'optional', Depends: 'libgcc-s1' }),
  stanza('libgcc-s1', { Priority: 'optional' }),
  stanza('libtinfo6', { Priority: 'optional', Conffiles: '\n /etc/one 0123' }),
  stanza('adduser', { Priority: 'important', Depends: 'passwd' }, 'hold ok installed'),
  stanza('passwd', { Priority: 'required' }),
  stanza('removed', { Priority: 'required' }, 'deinstall ok config-files'),
  stanza('redis-tools', { Priority: 'optional', Depends: 'libjemalloc2, libc6' }),
  stanza('libjemalloc2', { Priority: 'optional', Depends: 'libc6' }),
  stanza('mariadb-client-core', { Priority: 'optional', Depends: 'libmariadb3' }),
].join('\n\n')}\n`;

test('the base system is what every machine has, with all that it needs, and nothing of the servers', () => {
  const kept = [...baseSystemStatus(STATUS).matchAll(/^Package: (.*)$/gm)].map(([, name]) => name);
  expect(kept.sort()).toEqual(
    ['adduser', 'base-files', 'bash', 'libc6', 'libgcc-s1', 'libtinfo6', 'mawk', 'passwd'].sort(),
  );
});

test('a package is kept as dpkg wrote it', () => {
  expect(baseSystemStatus(STATUS)).toContain('Package: libtinfo6\nStatus: install ok installed\nPriority: optional\n');
});

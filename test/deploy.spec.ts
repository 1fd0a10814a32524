import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pathAliases } from '../src/common/path-aliases.js';
import { NODE_FLAGS } from '../scripts/launcher/node-flags.mjs';
import { redisServer } from '../scripts/launcher/redis-server.mjs';
import { findServers } from '../scripts/launcher/server-binaries.mjs';
import { freePort } from './support/server-process.js';
import { until } from './support/until.js';

/** What both proxies hold to be collecting. */
const COLLECT = String.raw`^/(api/ingest|(api/analytics/)?collect)(/batch)?/?$`;

const deploy = (file: string): string => readFileSync(join('deploy', file), 'utf8').replaceAll(/^\s*#.*$/gm, '');

test('units and containers start Node with the flags that the launcher gives', () => {
  const files = ['Dockerfile', 'compose.yaml', 'systemd/tallystone-api.service', 'systemd/tallystone-worker.service'];
  for (const file of files) {
    const words = deploy(file)
      .replaceAll(/[",[\]]+/g, ' ')
      .split(/\s+/);
    const from = words.indexOf(NODE_FLAGS[0]!);
    expect([file, words.slice(from, from + NODE_FLAGS.length)]).toEqual([file, NODE_FLAGS]);
  }
});

describe('the proxies of deploy/ limit what reaches the API', () => {
  test('nginx: requests and connections of an address, slow senders, and bodies by route', () => {
    const text = deploy('nginx.conf');
    const [, server] = text.split(/^server \{/m);
    expect(text.match(/limit_(req|conn)_zone \$tallystone_sender zone=\w+:16m/g)).toHaveLength(3);
    for (const directive of [
      'client_header_timeout 10s',
      'client_body_timeout 10s',
      'limit_conn tallystone_connections',
    ]) {
      expect(server).toContain(directive);
    }
    expect(server).toMatch(/limit_req_status 429;[\s\S]*error_page 429 @too_many;/);
    expect(server).toMatch(/location @too_many \{[^}]*Retry-After 1 always;[^]*return 429 '(\{.*\})'/);
    expect(JSON.parse(/return 429 '(.*)'/.exec(server!)![1]!)).toMatchObject({ status: 429, code: 'rate_limited' });
    const bodies = [...server!.matchAll(/location (.+) \{\s+client_max_body_size (\w+);\s+limit_req zone=(\w+)/g)];
    expect(bodies.map(([, ...found]) => found)).toEqual([
      ['/', '128k', 'tallystone_pages'],
      [`~ ${COLLECT}`, '2m', 'tallystone_collect'],
    ]);
  });

  test('Caddy: slow senders, and bodies by route', () => {
    const [options, site] = deploy('Caddyfile').split('tally.example.com {');
    expect(options).toMatch(/timeouts \{\s+read_header 10s\s+read_body 30s/);
    expect(options).not.toMatch(/\bwrite\b/);
    expect(site!.match(/max_size \w+/g)).toEqual(['max_size 2MB', 'max_size 128KB']);
    const matchers = [...site!.matchAll(/@(\w+) (?:(not) )?path_regexp (\S+)/g)].map(([, ...found]) => found);
    expect(matchers).toEqual([
      ['collect', undefined, COLLECT],
      ['others', 'not', COLLECT],
    ]);
  });

  test('take every address where events are collected for one, and no other', () => {
    const [route, collects] = [pathAliases({ collectPath: '/api/ingest', trackerName: 't.js' }), new RegExp(COLLECT)];
    const collecting = ['/api/ingest', '/api/analytics/collect', '/collect'].flatMap((path) => [path, `${path}/batch`]);
    const others = ['/api/reports/series', '/api/analytics/series', '/api/auth/api-key', '/collected', '/t.js'];
    for (const path of [...collecting, ...others]) {
      expect([path, collects.test(path)]).toEqual([path, route(path).startsWith('/api/analytics/collect')]);
    }
    expect(collecting.every((path) => collects.test(path))).toBe(true);
  });
});

describe('the proxies of deploy/ keep no ids of paths and queries, and no whole address, in their logs', () => {
  test('nginx', () => {
    const text = deploy('nginx.conf');
    const [, format] = /log_format tallystone '([^']*)';/.exec(text)!;
    expect(format!.match(/\$\w+/g)).toEqual([
      '$time_iso8601',
      '$request_method',
      '$status',
      '$body_bytes_sent',
      '$request_time',
    ]);
    const servers = text.split(/^server \{/m).slice(1);
    expect(servers).toHaveLength(2);
    for (const server of servers) {
      expect(server.match(/access_log .*/g)).toEqual(['access_log /var/log/nginx/tallystone.log tallystone;']);
      expect(server).toMatch(/error_log \S+ emerg;/);
    }
  });

  test('Caddy', () => {
    const [options, site] = deploy('Caddyfile').split('tally.example.com {');
    expect(options).toMatch(/log \{\s+format filter \{\s+wrap json\s+fields \{\s+request delete\s/);
    expect(site).not.toMatch(/\blog\b/);
  });
});

describe('the image', () => {
  const dockerfile = deploy('Dockerfile');

  test('is built on a base that a digest names, and runs as a user without rights', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases).size).toBe(1);
    expect(bases[0]).toMatch(/^node:24-bookworm-slim@sha256:[0-9a-f]{64}$/);
    expect(dockerfile).toMatch(/^USER node$/m);
  });

  test('is built with the settings that keep packages from running scripts', () => {
    expect(dockerfile).toMatch(/^COPY package\.json package-lock\.json \.npmrc \.\/\nRUN npm ci$/m);
  });

  test('has no ClickHouse engine, and says so to the product', () => {
    expect(dockerfile).toMatch(/^ENV .*\bENGINE=none$/m);
    expect(dockerfile).not.toMatch(/COPY .*engine/);
  });

  test('is built from the sources alone', () => {
    const lines = readFileSync('.dockerignore', 'utf8').split('\n');
    const rules = lines.filter((line) => line && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    const sent = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
    const builtFrom = ['migrations', 'scripts', 'src', 'tracker', 'web'];
    const settings = ['package.json', 'package-lock.json', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json'];
    expect(sent.sort()).toEqual(['.npmrc', ...settings, ...builtFrom].sort());
    expect(sent.filter((name) => !existsSync(name))).toEqual([]);
    expect(rules).toEqual(expect.arrayContaining(['**/.env', '**/*.env']));
  });
});

describe('compose.yaml', () => {
  const compose = deploy('compose.yaml');
  const [, ...services] = compose.split(/^ {2}(?=(?:mysql|redis|migrate|api|worker):$)/m);
  const anchor = (name: string): string => new RegExp(`^x-${name}: .*\\n(?: {2}.*\\n)+`, 'm').exec(compose)![0];
  const service = (name: string): string => services.find((text) => text.startsWith(`${name}:`))!;

  test('confines every service', () => {
    expect(services).toHaveLength(5);
    for (const rule of ['read_only: true', 'cap_drop: [ALL]', "security_opt: ['no-new-privileges:true']"]) {
      expect(anchor('confined')).toContain(`  ${rule}\n`);
    }
    expect(anchor('tallystone')).toMatch(/<<: \*confined[^]*user: node\n[^]*tmpfs: \[\/tmp, \/data\]/);
    for (const name of ['migrate', 'api', 'worker']) expect(service(name)).toContain('<<: *tallystone\n');
    for (const name of ['mysql', 'redis']) {
      expect(service(name)).toContain('<<: *confined\n');
      expect(service(name)).toContain(`user: ${name}\n`);
      expect(service(name)).toMatch(/tmpfs: \[\/tmp/);
    }
    expect(compose).not.toMatch(/privileged|cap_add|read_only: false/);
  });

  test('names the images by digest', () => {
    const images = [...compose.matchAll(/^ +image: (\S+)$/gm)].map(([, image]) => image);
    expect(images).toEqual([
      expect.stringMatching(/^mysql:8\.4@sha256:[0-9a-f]{64}$/),
      expect.stringMatching(/^redis:7\.4@sha256:[0-9a-f]{64}$/),
    ]);
  });

  test('gives the secrets of sign-in to the API alone', () => {
    for (const name of ['USER_TOKEN_SECRET', 'KEY_TOKEN_SECRET', 'GOOGLE_CLIENT_SECRET']) {
      expect(anchor('no-sign-in')).toContain(`  ${name}: ''\n`);
    }
    for (const name of ['migrate', 'worker']) expect(service(name)).toContain('environment: *no-sign-in\n');
  });

  test('gives the user that writes to ClickHouse to worker and migrations alone, and has no engine', () => {
    expect(service('api')).toContain("      CLICKHOUSE_COPY_URL: ''\n");
    for (const name of ['migrate', 'worker']) expect(service(name)).not.toContain('CLICKHOUSE');
    expect(anchor('services')).toContain('  ENGINE: none\n');
  });

  test('has a Redis that asks for the password, and whose command line does not tell it', async () => {
    const folder = mkdtempSync(join(process.env.TEST_DIR ?? tmpdir(), 'compose-'));
    const server = findServers(redisServer, folder).find(({ fault }) => !fault)!;
    const port = await freePort();
    const [, script] = /- \|\n((?: {8}.*\n)+)/.exec(service('redis'))!;
    const command = script!
      .replaceAll(/^ {8}/gm, '')
      .replaceAll('$$', '$')
      .replace('redis-server - ', `${server.path} - --bind 127.0.0.1 --port ${port} --dir ${folder} `);
    const child = spawn('sh', ['-c', command], {
      env: { ...server.env, REDIS_PASSWORD: 'secret-of-this-test' },
      stdio: 'ignore',
    });
    const redis = new Redis({ host: '127.0.0.1', port, password: 'secret-of-this-test' });
    redis.on('error', () => {}); // until it listens
    try {
      await until(async () => (await redis.ping().catch(() => '')) === 'PONG', 'Redis to answer');
      expect(await redis.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
      expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).toMatch(/^(?!.*secret-of-this-test).*redis/);
      const stranger = redis.duplicate({ password: undefined, enableReadyCheck: false });
      await expect(stranger.ping()).rejects.toThrow('NOAUTH');
      stranger.disconnect();
    } finally {
      redis.disconnect();
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the units of systemd', () => {
  const CONFINED = [
    ...['NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'AmbientCapabilities=', 'PrivateUsers=yes'],
    ...['PrivateDevices=yes', 'PrivateTmp=yes', 'ProtectSystem=strict', 'ProtectHome=yes', 'ProtectProc=invisible'],
    ...['ProtectClock=yes', 'ProtectHostname=yes', 'ProtectControlGroups=yes', 'ProtectKernelLogs=yes'],
    ...['ProtectKernelModules=yes', 'ProtectKernelTunables=yes', 'RestrictNamespaces=yes', 'RestrictRealtime=yes'],
    ...['RestrictSUIDSGID=yes', 'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK', 'LockPersonality=yes'],
    ...['SystemCallArchitectures=native', 'SystemCallFilter=@system-service', 'SystemCallFilter=~@privileged'],
    ...['UMask=0077', 'User=tallystone'],
  ];
  const unit = (name: string): string => deploy(join('systemd', `tallystone-${name}.service`));

  test.each(['api', 'worker', 'migrate'])('%s is confined, and rated 3.5 or better by systemd', (name) => {
    expect(unit(name).split('\n')).toEqual(expect.arrayContaining(CONFINED));
    const file = join('deploy', 'systemd', `tallystone-${name}.service`);
    const rated = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' });
    // Not every machine has systemd, and one before 250 rates no files.
    const [, level] = /Overall exposure level for \S+: (\d+\.\d)/.exec(rated.stdout ?? '') ?? [];
    if (level !== undefined) expect(Number(level)).toBeLessThanOrEqual(3.5);
  });

  test.each(['api', 'worker'])('%s may open 65,536 files, connections among them', (name) => {
    expect(unit(name).split('\n')).toContain('LimitNOFILE=65536');
  });

  test('api does not get the user that writes to ClickHouse', () => {
    expect(unit('api')).toMatch(/^UnsetEnvironment=CLICKHOUSE_COPY_URL CLICKHOUSE_COPY_URL_FILE$/m);
  });

  test.each(['worker', 'migrate'])('%s gets no secret of sign-in', (name) => {
    const unset = [...unit(name).matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap(([, names]) => names!.split(' '));
    for (const secret of ['USER_TOKEN_SECRET', 'KEY_TOKEN_SECRET', 'GOOGLE_CLIENT_SECRET']) {
      expect(unset).toEqual(expect.arrayContaining([secret, `${secret}_FILE`]));
    }
  });
});

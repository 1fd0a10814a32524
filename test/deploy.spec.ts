import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const deploy = (file: string): string => readFileSync(join('deploy', file), 'utf8').replaceAll(/^\s*#.*$/gm, '');

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
      ['~ ^/(api/analytics/)?collect(/batch)?$', '2m', 'tallystone_collect'],
    ]);
  });

  test('Caddy: slow senders, and bodies by route', () => {
    const [options, site] = deploy('Caddyfile').split('stats.example.com {');
    expect(options).toMatch(/timeouts \{\s+read_header 10s\s+read_body 30s/);
    expect(options).not.toMatch(/\bwrite\b/);
    expect(site!.match(/max_size \w+/g)).toEqual(['max_size 2MB', 'max_size 128KB']);
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
    const [options, site] = deploy('Caddyfile').split('stats.example.com {');
    expect(options).toMatch(/log \{\s+format filter \{\s+wrap json\s+fields \{\s+request delete\s/);
    expect(site).not.toMatch(/\blog\b/);
  });
});

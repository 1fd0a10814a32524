import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const deploy = (file: string): string => readFileSync(join('deploy', file), 'utf8').replaceAll(/^\s*#.*$/gm, '');

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

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0';
const line = (request: string, status = 200, agent = FIREFOX, address = '203.0.113.9'): string =>
  `${address} - - [24/Nov/2026:10:00:00 +0100] "${request}" ${status} 512 "https://example.com/" "${agent}"`;

describe('npm run replay', () => {
  let stack: Stack;
  let ann: Signed;
  const folder = mkdtempSync(join(tmpdir(), 'tallystone-replay-'));
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url, 'replay@example.test');
  });
  afterAll(async () => {
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function replay(text: string | Buffer, ...args: string[]): Promise<string> {
    // As logrotate calls it with dateext.
    const file = join(folder, typeof text === 'string' ? 'access.log' : 'access.log.gz-20261124');
    writeFileSync(file, text);
    return run(file, '--url', stack.url, ...args);
  }

  /** @returns what it printed; it must end with 0 */
  function run(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [join('scripts', 'replay.mjs'), ...args], (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
        else resolve(stdout);
      });
    });
  }

  interface Row {
    url: string;
    referrer: string;
    device: string;
    ip: string;
    user_agent: string;
    user_key: Buffer;
    occurred_at: Date;
  }

  async function rows(appId: string): Promise<Row[]> {
    await stack.drained();
    const sql =
      'SELECT url, referrer, device, ip, user_agent, user_key, occurred_at FROM events WHERE app_id = UNHEX(?) ORDER BY url';
    return stack.query(sql, [appId.replaceAll('-', '')]);
  }

  const PAGES = [
    '/',
    '/about?a=style.css',
    '/shop/item.php',
    '/users/john.smith',
    '/v1.2/notes',
    '/a.html;jsessionid=1',
    '/feedback',
    '/100%',
  ];
  const NO_PAGES = [
    ...[
      '/app.css',
      '/js/app.min.js?v=3',
      '/logo.PNG',
      '/f.woff2',
      '/robots.txt',
      '/sitemap.xml',
      '/favicon.ico',
      '/a.pdf',
      '/feed',
      '/feed/',
      '/blog/feed/atom/',
      '/_next/image?url=%2Fa.png&w=640',
      '/_nuxt/entry',
      '/cdn-cgi/trace',
      '/wp-json/wp/v2/posts',
      '/a.css/',
      '/a.css%3Fv=1',
      ...[
        '/wp-cron.php',
        '/wp-admin/admin-ajax.php',
        '/blog/xmlrpc.php',
        '/graphql',
        '/ping',
        '/healthcheck',
        '/metrics',
      ],
      ...['/ready', '/WebResource.axd', '/apple-app-site-association', '/sockjs-node/info'],
      ...'ashx asmx xlsm docm weba mka caf opml f4m htc dll cab'.split(' ').map((ending) => `/b.${ending}`),
      ...'ics geojson glb mobi srt ttc psd sql pbf 3gp log yaml'.split(' ').map((ending) => `/a.${ending}`),
      '*',
      'example.com:443',
    ].map((path) => line(`GET ${path} HTTP/1.1`)),
    line('GET /.well-known/change-password HTTP/1.1'),
    line('POST / HTTP/1.1'),
    line('HEAD / HTTP/1.1'),
    ...[204, 206, 301, 302, 400, 404, 500, 503].map((status) => line('GET /page HTTP/1.1', status)),
    line('\\x16\\x03\\x01', 400),
  ];

  test('counts pages that were shown, and with --all every request; a second run of either changes nothing', async () => {
    const app = await registerApp(stack.url, ann);
    const log = [...PAGES.map((path) => line(`GET ${path} HTTP/1.1`)), line('GET /seen HTTP/1.1', 304), ...NO_PAGES];
    const text = `${log.join('\n')}\n`;
    expect(await replay(text, '--key', app.apiKey)).toContain(
      `${log.length} lines: ${PAGES.length + 1} accepted, 0 rejected, ${NO_PAGES.length} left out`,
    );
    expect((await rows(app.id)).map(({ url }) => url)).toEqual([...PAGES, '/seen'].sort());
    await replay(gzipSync(text), '--key', app.apiKey);
    expect(await rows(app.id)).toHaveLength(PAGES.length + 1);
    for (let run = 1; run <= 2; run += 1) {
      expect(await replay(text, '--key', app.apiKey, '--all')).toContain(`${log.length} accepted, 0 rejected`);
      expect(await rows(app.id)).toHaveLength(log.length);
    }
    expect(await stack.query('SELECT * FROM dead_letters')).toEqual([]);
  });

  test('reads what Apache and nginx write, and loses no line to a byte order mark or a long agent', async () => {
    const app = await registerApp(stack.url, ann);
    const combined = (path: string): string => line(`GET ${path} HTTP/1.1`);
    const behindProxy = line('GET /04-behind-proxy HTTP/1.1', 200, FIREFOX, '172.18.0.1');
    const log = [
      `\uFEFF${combined('/01-byte-order-mark')}`,
      `${combined('/02-main')} "-"`,
      `${combined('/03-main-forwarded-for')} "198.51.100.7"`,
      `${behindProxy} "192.0.2.1, 198.51.100.7"`,
      `example.com:443 ${combined('/05-vhost')}`,
      `${combined('/06-request-time')} 0.003`,
      `${combined('/07-main-and-times')} "-" 0.003 0.002 .`,
      `${combined('/08-named-time')} rt=0.003 uct="0.000"`,
      line(
        'GET /09-long-agent HTTP/1.1',
        200,
        `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${'x'.repeat(600)}`,
      ),
      line('GET /10-cut-emoji HTTP/1.1', 200, `${'x'.repeat(511)}😀`),
      '203.0.113.9 - John Doe [24/Nov/2026:10:00:00 +0100] "GET /11-common HTTP/1.1" 200 512',
      line('GET /12-ipv6 HTTP/1.1', 200, FIREFOX, '2001:DB8::0:1'),
      '203.0.113.9 - - [24/Nov/2026:10:00:00 +0100] "GET /13-common-and-time HTTP/1.1" 200 512 0.003',
      combined('/14-milliseconds').replace(':00 +', ':00.250 +'),
      `example.com ${combined('/15-host-without-port')}`,
      `192.0.2.1 ${combined('/16-host-is-address')}`,
      `\uFEFF${combined('/17-joined-files')}\uFEFF${combined('/18-joined-without-break')}`,
      `2001:db8::1 - John Doe [24/Nov/2026:10:00:00 +0100] "GET /19-ipv6-and-name HTTP/1.1" 200 512`,
      `example.com:443 host.example.net - - [24/Nov/2026:10:00:00 +0100] "GET /20-name HTTP/1.1" 200 512`,
    ];
    const count = log.length + 1; // One line holds two.
    const printed = await replay(log.join('\r\n'), '--key', app.apiKey);
    expect(printed).toContain(`${count} lines: ${count} accepted, 0 rejected, 0 left out`);
    const stored = await rows(app.id);
    expect(stored.map(({ url }) => url.slice(0, 3))).toEqual(
      Array.from({ length: count }, (_none, i) => `/${String(i + 1).padStart(2, '0')}`),
    );
    expect(stored[13]!.occurred_at.toISOString()).toBe('2026-11-24T09:00:00.250Z');
    expect(stored.slice(14, 19).map(({ ip }) => ip)).toEqual([
      ...['203.0.113.9', '203.0.113.9', '203.0.113.9', '203.0.113.9', '2001:db8::1'],
    ]);
    expect(stored[2]!.ip).toBe('203.0.113.9');
    expect(stored[3]!.ip).toBe('198.51.100.7');
    expect([stored[8]!.device, stored[8]!.user_agent.length]).toEqual(['mobile', 512]);
    const utf16 = Buffer.from(`\uFEFF${log.join('\n').slice(1)}`, 'utf16le');
    for (const again of [log.join('\n').slice(1), utf16, Buffer.from(utf16).swap16(), gzipSync(utf16)]) {
      expect(await replay(again, '--key', app.apiKey)).toContain(`${count} accepted`);
    }
    expect(await rows(app.id)).toHaveLength(count);
    await expect(replay(Buffer.from('BZh91AY&SY'), '--key', app.apiKey)).rejects.toThrow('compressed by bzip2');
  });

  test('spellings of an address are one visitor, private hops lead to the visitor, and no zone ends the run', async () => {
    const app = await registerApp(stack.url, ann);
    const from = (name: string, peer: string, forwardedFor = '-'): string =>
      `${line(`GET /${name} HTTP/1.1`, 200, FIREFOX, peer)} "${forwardedFor}"`;
    const log = [
      ...['203.0.113.9', '::ffff:203.0.113.9', '::FFFF:cb00:7109'].map((peer) => from('a', peer)),
      ...[
        '203.0.113.9:1111',
        String.raw`\x22203.0.113.9:1111\x22`,
        '203.0.113.9, 10.0.0.4',
        '192.0.2.1, 203.0.113.9, fe80::1%br-lan',
      ].map((hops) => from('a', '10.0.0.1', hops)),
      from('a', 'fe80::2%br-lan', '203.0.113.9'),
      from('a', 'unix:', '203.0.113.9'),
      ...['2001:db8::1', '2001:DB8:0:0::1'].map((peer) => from('b', peer)),
      ...['[2001:db8::1]:443', String.raw`\"[2001:db8::1]:443\"`].map((hops) => from('b', '::1', hops)),
      ...['fe80::2%br-lan', 'fe80::2%eth0', 'fe80::2'].map((peer) => from('c', peer)),
      from('d', '198.51.100.7', '203.0.113.9'),
      // X-Forwarded-For in place of the address, and addresses with a port.
      ...['203.0.113.9, 10.0.0.4', '203.0.113.9,10.0.0.4', '192.0.2.1, 203.0.113.9, 10.0.0.4', '203.0.113.9:52111'].map(
        (peer) => from('f', peer),
      ),
      ...['example.com 203.0.113.9, 10.0.0.4', 'example.com:443 203.0.113.9:52111'].map((peer) => from('f', peer)),
      from('f', '203.0.113.9').replace('- - [', '- Doe, John Paul ['),
      from('f', '10.0.0.5, 10.0.0.4', '203.0.113.9'),
      ...['[2001:db8::1]:443', '2001:db8::1, 10.0.0.4', '[2001:db8::1]:443, fd00::4'].map((peer) => from('g', peer)),
      ...['unknown', '203.0.113.9, unknown'].map((hops) => from('e', '10.0.0.1', hops)),
    ];
    expect(await replay(log.join('\n'), '--key', app.apiKey)).toContain(`${log.length} accepted, 0 rejected`);
    const visitors = new Map<string, Set<string>>();
    for (const { url, ip, user_key: key } of await rows(app.id)) {
      visitors.set(url, (visitors.get(url) ?? new Set()).add(`${ip} ${key.toString('hex')}`));
    }
    const addresses = [...visitors].map(([url, found]) => [url, [...found].map((one) => one.split(' ')[0])]);
    expect(Object.fromEntries(addresses)).toEqual({
      '/a': ['203.0.113.9'],
      '/b': ['2001:db8::1'],
      '/c': ['fe80::2'],
      '/d': ['198.51.100.7'],
      '/e': ['10.0.0.1'],
      '/f': ['203.0.113.9'],
      '/g': ['2001:db8::1'],
    });
  });

  test('a longer URL or referrer is cut to what is kept', async () => {
    const app = await registerApp(stack.url, ann);
    const long = `/${'x'.repeat(2046)}😀${'x'.repeat(1000)}`;
    const log = [
      line(`GET ${long} HTTP/1.1`),
      line('GET /a HTTP/1.1').replace('https://example.com/', `https://example.com${long}`),
      line('GET /b\0c HTTP/1.1'),
    ];
    expect(await replay(log.join('\n'), '--key', app.apiKey)).toContain('3 accepted, 0 rejected');
    const stored = await rows(app.id);
    expect(stored.map(({ url }) => [...url].length)).toEqual([2, 3, 2048]);
    expect(stored.map(({ url, referrer }) => [...(url === '/a' ? referrer : '')].length)).toEqual([2048, 0, 0]);
    expect(await replay('\u0016\u0003'.repeat(20_000), '--key', app.apiKey)).toContain('0 accepted');
    const noHttp = line(`${'y'.repeat(40_000)}`, 400);
    expect(await replay(noHttp, '--all', '--key', app.apiKey)).toContain('1 accepted, 0 rejected');
  });

  test('HTTP libraries are bots, in an app that it registers itself and in one of any platform', async () => {
    const agents = ['curl/8.5.0', 'python-requests/2.32.3', 'MyService/1.0', 'MyShop/7 okhttp/4.12.0'];
    const log = agents.map((agent, i) => line(`GET /${i} HTTP/1.1`, 200, agent)).join('\n');
    const server = await registerApp(stack.url, ann, { platform: 'server' });
    await replay(log, '--key', server.apiKey);
    expect(await replay(log, '--app', 'Log')).toContain('bot 4');
    expect((await rows(server.id)).map(({ device }) => device)).toEqual(['bot', 'bot', 'bot', 'bot']);
    const { body } = await call(`${stack.url}/api/apps`, { token: ann.accessToken });
    expect(body.data.find(({ name }: { name: string }) => name === 'Log')).toMatchObject({ platform: 'web' });
  });

  test('--help says what counts', async () => {
    expect(await run('--help')).toMatch(/GET, answered 200 or 304, of a page[^]*--all/);
  });
});

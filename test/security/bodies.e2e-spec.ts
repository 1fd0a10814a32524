import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { deflateSync, gzipSync } from 'node:zlib';
import { type Answer, call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const MIB = 1024 * 1024;
/** Bodies a second of an address without a good key: fewer than the default, so that a busy machine exceeds it too. */
const BODIES = 5;
const COLLECT = '/api/analytics/collect';
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const flat = (names: number, prefix = 'n'): string =>
  `{"event":"x","metadata":{${Array.from({ length: names }, (_none, i) => `"${prefix}${i}":1`).join()}}}`;
/** Events that differ as real ones do: some 330 bytes each. */
const similar = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_none, i) => ({
    event: 'login_form_cta_click',
    url: `https://example.com/page/${i % 40}`,
    referrer: 'https://google.com',
    device: 'mobile',
    ipAddress: '192.168.1.1',
    timestamp: new Date(Date.UTC(2026, 0, 1) + i * 1009).toISOString(),
    metadata: { browser: 'Chrome', os: 'Android', screenSize: '1080x1920', plan: 'free', step: i % 7 },
    userId: `user ${i % 300}`,
  }));

describe('bodies and who sends them', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { RATE_LIMITS: `signin=1000,refused_keys=30,bodies=${BODIES}` } });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
  });
  afterAll(() => stack?.stop());

  let last = 0;
  /** Another visitor: the proxy whose word is taken says so. */
  const visitor = (): Record<string, string> => ({ 'x-forwarded-for': `203.0.113.${(last += 1)}` });
  const send = (body: unknown, headers: Record<string, string> = {}, path = COLLECT): Promise<Answer> =>
    call(stack.url + path, { body, headers });
  const gzip = (body: string | Buffer, headers: Record<string, string> = {}, path = COLLECT): Promise<Answer> =>
    send(gzipSync(body), { 'content-encoding': 'gzip', ...headers }, path);
  const good = (): Record<string, string> => ({ 'x-api-key': app.apiKey, ...visitor() });
  const told = ({ status, body }: Answer): [number, string] => [status, body.code];

  describe('without a good key', () => {
    test('an address may send so many a second; another address is not held back', async () => {
      const from = visitor();
      const answers = await Promise.all(Array.from({ length: 60 }, () => send({ event: 'x' }, from)));
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThanOrEqual(20);
      expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(BODIES);
      expect(refused[0]!.body.code).toBe('rate_limited');
      expect(refused[0]!.headers.get('retry-after')).toBe('1');
      expect(refused[0]!.headers.get('ratelimit-limit')).toBe(String(BODIES));
      expect(refused[0]!.headers.get('access-control-allow-origin')).toBe('*');
      expect(told(await send({ event: 'x' }, visitor()))).toEqual([401, 'key_missing']);
    });

    test('an IPv6 address counts by its /64', async () => {
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_none, i) =>
          send({ event: 'x' }, { 'x-forwarded-for': `2001:db8:7:7::${(i + 1).toString(16)}` }),
        ),
      );
      expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(20);
    });

    test('while an address is over it, good keys from there are served, wherever they are; so are people', async () => {
      const from = visitor();
      const flood = Array.from({ length: 80 }, () => gzip(`{"event":"x","metadata":${nested(5000)}}`, from));
      const served = [
        send({ event: 'x' }, { ...from, 'x-api-key': app.apiKey }),
        send({ event: 'x', apiKey: app.apiKey }, from),
        gzip(JSON.stringify({ events: similar(100), apiKey: app.apiKey }), from, `${COLLECT}/batch`),
        send(JSON.stringify({ event: 'x', apiKey: app.apiKey }), { ...from, 'content-type': 'text/plain' }),
      ];
      const app2 = call(`${stack.url}/api/apps`, { token: ann.accessToken, headers: from, body: { name: 'Second' } });
      expect((await Promise.all(flood)).filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(20);
      expect((await Promise.all(served)).map(({ status }) => status)).toEqual([202, 202, 202, 202]);
      expect((await app2).status).toBe(201);
    });

    test('no body is parsed: bad JSON is told only to those who may send', async () => {
      const bad = '{"event":';
      expect(told(await send(bad, visitor()))).toEqual([401, 'key_missing']);
      expect(told(await send(`${bad}"x","apiKey":"nonsense",`, visitor()))).toEqual([401, 'key_malformed']);
      expect(told(await send(bad, good()))).toEqual([400, 'invalid_json']);
    });

    test('a header with a bad key is answered without the body', async () => {
      const { hostname, port } = new URL(stack.url);
      const socket = connect(Number(port), hostname);
      const head = [`POST ${COLLECT} HTTP/1.1`, 'host: x', 'x-api-key: nonsense', 'connection: close'];
      socket.write([...head, 'content-type: application/json', 'content-length: 1000000', '', '{'].join('\r\n'));
      // Nothing more is sent, and the answer comes.
      expect(await text(socket)).toContain('key_malformed');
    });

    test('a key that may only read is refused before the body', async () => {
      const read = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
      expect(told(await send('{"event":', { 'x-api-key': read.apiKey, ...visitor() }))).toEqual([403, 'scope_missing']);
    });
  });

  describe('with the key in the body', () => {
    const large = (first: boolean, key: string): string => {
      const events = JSON.stringify(similar(1000)).slice(0, -1);
      return first ? `{"apiKey":"${key}","events":${events}]}` : `{"events":${events}],"apiKey":"${key}"}`;
    };

    test.each([true, false])('a large one is taken (key first: %s), plain and gzip', async (first) => {
      const body = large(first, app.apiKey.replace(/\./g, '.\\n '));
      expect(Buffer.byteLength(body)).toBeGreaterThan(256 * 1024);
      expect((await send(body, visitor(), `${COLLECT}/batch`)).body.accepted).toBe(1000);
      expect((await gzip(body, visitor(), `${COLLECT}/batch`)).body.accepted).toBe(1000);
    });

    test('a large one without a good key is refused, and counts among those', async () => {
      const from = visitor();
      for (const first of [true, false]) {
        expect(told(await send(large(first, 'nonsense'), from, `${COLLECT}/batch`))).toEqual([401, 'key_malformed']);
      }
      const body = gzipSync(JSON.stringify({ events: similar(1000) }));
      const headers = { ...from, 'content-encoding': 'gzip' };
      const answers = await Promise.all(Array.from({ length: 50 }, () => send(body, headers, `${COLLECT}/batch`)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    });
  });

  describe('what is too much for JSON.parse', () => {
    test.each([
      ['metadata 5,000 deep', `{"event":"x","metadata":${nested(5000)}}`, 'metadata'],
      ['a megabyte of nesting', `{"event":"x","metadata":${nested(170_000)}}`, 'metadata'],
      ['a megabyte of different names', flat(90_000, ''), 'metadata'],
      ['different names at the top', flat(5000).replace('"event":"x","metadata":{', '').replace('}}', '}'), 'body'],
      ['300,000 empty lists', `{"events":[{},${'[],'.repeat(300_000)}1]}`, undefined],
    ])('%s is refused, plain and gzip, and names the field', async (...[, body, field]: [string, string, string?]) => {
      for (const answer of [await send(body, good()), await gzip(body, good())]) {
        // Gzip may be refused for how much it inflates before that.
        expect([
          [400, 'body_too_complex'],
          [413, 'body_inflates_too_much'],
        ]).toContainEqual(told(answer));
        if (field && answer.status === 400) expect(answer.body.errors[0].field).toBe(field);
      }
    });

    test('metadata 17 deep is told of the event alone, and 1,000 events with 60 members each pass', async () => {
      const events = similar(3).map((event, i) => (i === 1 ? { ...event, metadata: JSON.parse(nested(17)) } : event));
      const some = await send({ events }, good(), `${COLLECT}/batch`);
      expect([some.body.accepted, some.body.rejected[0].index]).toEqual([2, 1]);
      const metadata = (n: number) => Object.fromEntries(Array.from({ length: 60 }, (_none, i) => [`m${i}`, n * i]));
      const wide = similar(1000).map(({ event, userId }, n) => ({ event, userId, metadata: metadata(n) }));
      expect((await gzip(JSON.stringify({ events: wide }), good(), `${COLLECT}/batch`)).status).toBe(202);
    });
  });

  describe('gzip', () => {
    const batch = JSON.stringify({ events: similar(1000) });

    test('of 1,000 similar events is taken, by any name of it', async () => {
      expect(Buffer.byteLength(batch) / gzipSync(batch).length).toBeGreaterThan(20);
      for (const name of ['gzip', 'GZIP', 'x-gzip', ' Gzip ']) {
        const answer = await send(gzipSync(batch), { ...good(), 'content-encoding': name }, `${COLLECT}/batch`);
        expect([name, answer.status]).toEqual([name, 202]);
      }
    });

    test('that inflates more than 100 times is refused once 64 KiB are inflated, and not before', async () => {
      const spaces = (kib: number): string => `{"event":"x"}${' '.repeat(kib * 1024)}`;
      expect((await gzip(spaces(60), good())).status).toBe(202);
      expect(told(await gzip(spaces(70), good()))).toEqual([413, 'body_inflates_too_much']);
      expect(told(await gzip(spaces(900), good()))).toEqual([413, 'body_inflates_too_much']);
      expect(told(await gzip(spaces(900), visitor()))).toEqual([413, 'body_inflates_too_much']);
      // In two members, each of which is below the limit by itself.
      const members = Buffer.concat([gzipSync(spaces(60)), gzipSync(' '.repeat(60 * 1024))]);
      expect(told(await send(members, { ...good(), 'content-encoding': 'gzip' }))[0]).toBe(413);
    });

    test('of more than 1 MiB is refused, however well it is made', async () => {
      const noise = JSON.stringify({ event: 'x', url: randomBytes(MIB).toString('base64') });
      expect(told(await gzip(noise, good()))).toEqual([413, 'body_too_large']);
    });

    test.each(['deflate', 'br', 'zstd', 'compress', 'gzip, gzip', 'identity, gzip', 'gzip;q=1'])(
      '%s is refused as an encoding',
      async (name) => {
        const answer = await send(deflateSync(batch), { ...good(), 'content-encoding': name }, `${COLLECT}/batch`);
        expect(told(answer)).toEqual([415, 'unsupported_encoding']);
      },
    );

    test('that is none, or not all of it, is a 400', async () => {
      const whole = gzipSync(batch);
      for (const body of [Buffer.from(batch), whole.subarray(0, whole.length - 20), whole.subarray(0, 5)]) {
        const answer = await send(body, { ...good(), 'content-encoding': 'gzip' }, `${COLLECT}/batch`);
        expect(told(answer)).toEqual([400, 'invalid_gzip']);
      }
    });
  });

  describe('other routes', () => {
    test('take 64 KiB of a signed-in person, and so many bodies a second of an address that shows no sign-in', async () => {
      const long = (bytes: number) => ({ name: 'x', description: 'd'.repeat(bytes) });
      const post = (body: unknown, token?: string, from = visitor()) =>
        call(`${stack.url}/api/apps`, { body, headers: from, ...(token ? { token } : {}) });
      expect(told(await post(long(60 * 1024), ann.accessToken))).toEqual([400, 'invalid_input']);
      expect(told(await post(long(70 * 1024), ann.accessToken))).toEqual([413, 'body_too_large']);
      const from = visitor();
      const refresh = () => call(`${stack.url}/api/auth/refresh`, { body: { refreshToken: 'x' }, headers: from });
      const answers = await Promise.all(Array.from({ length: 60 }, refresh));
      expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(20);
      expect((await post({ name: 'Third' }, ann.accessToken, from)).status).toBe(201);
    });
  });

  test('refused keys slow their address down, and a good key from there is served at once', async () => {
    const from = visitor();
    const bad = (i: number) =>
      send({ event: 'x' }, { ...from, 'x-api-key': `${app.apiKey.slice(0, -6)}${i + 100_000}` });
    const first = await Promise.all(Array.from({ length: 30 }, (_none, i) => bad(i)));
    expect(first.every(({ status }) => status === 401)).toBe(true);
    const next = await Promise.all(Array.from({ length: 30 }, (_none, i) => bad(i)));
    expect(next.every(({ status }) => status === 429)).toBe(true);
    expect(Number(next[0]!.headers.get('retry-after'))).toBeGreaterThan(1);
    expect(told(await call(`${stack.url}/api/auth/api-key/self`, { key: 'nonsense', headers: from }))[0]).toBe(429);
    // Neither one that the process has met, nor one that it has not.
    const fresh = await createKey(stack.url, ann, { appId: app.id });
    for (const key of [app.apiKey, fresh.apiKey]) {
      expect((await send({ event: 'x' }, { ...from, 'x-api-key': key })).status).toBe(202);
      expect((await send({ event: 'x', apiKey: key }, from)).status).toBe(202);
    }
    expect((await bad(1)).status).toBe(429);
    expect((await send({ event: 'x' }, { ...visitor(), 'x-api-key': 'nonsense' })).status).toBe(401);
  });

  test('bytes that are no UTF-8 are a 400, wherever they are', async () => {
    const around = (...bytes: number[]): Buffer =>
      Buffer.concat([Buffer.from('{"event":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const bad = [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]];
    for (const bytes of bad) {
      const answer = await send(around(...bytes), good());
      expect([bytes, ...told(answer)]).toEqual([bytes, 400, 'invalid_utf8']);
      expect(answer.body.errors[0].field).toBe('body');
    }
    expect(told(await gzip(around(0xff), good()))).toEqual([400, 'invalid_utf8']);
    const text = await call(`${stack.url}/api/apps`, { token: ann.accessToken, body: around(0xff) });
    expect(told(text)).toEqual([400, 'invalid_utf8']);
    expect((await send(around(0xf0, 0x9f, 0x98, 0x80), good())).status).toBe(202);
  });

  test('two Host lines are a 400 on every route', async () => {
    const { hostname, port } = new URL(stack.url);
    const ask = (path: string, ...lines: string[]): Promise<string> => {
      const socket = connect(Number(port), hostname);
      socket.write([`GET ${path} HTTP/1.1`, ...lines, 'connection: close', '', ''].join('\r\n'));
      return text(socket);
    };
    for (const path of ['/health', '/', '/api/apps', '/nowhere', '/local-sign-in/x']) {
      for (const lines of [
        ['Host: a.test', 'Host: b.test'],
        ['Host: a.test', 'x-a: b', 'hOST: a.test'],
      ]) {
        const answer = await ask(path, ...lines);
        expect([path, answer.split('\r\n')[0]]).toEqual([path, 'HTTP/1.1 400 Bad Request']);
        expect(answer).toContain('host_twice');
      }
    }
    expect(await ask('/health', 'Host: a.test')).toContain('HTTP/1.1 200');
  });

  test('a body in pieces without a length is read to its end, or refused when it is too long', async () => {
    const { hostname, port } = new URL(stack.url);
    const chunked = (key: string, pieces: string[]): Promise<string> => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      const head = [`POST ${COLLECT} HTTP/1.1`, 'host: x', `x-api-key: ${key}`, 'content-type: application/json'];
      socket.write([...head, 'transfer-encoding: chunked', 'connection: close', '', ''].join('\r\n'));
      for (const piece of pieces) socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
      socket.write('0\r\n\r\n');
      return text(socket);
    };
    expect(await chunked(app.apiKey, ['{"ev', 'ent":"', 'x"}'])).toContain('HTTP/1.1 202');
    const large = chunked(app.apiKey, ['{"event":"', ...Array.from({ length: 20 }, () => 'x'.repeat(64 * 1024))]);
    await until(async () => /413|^$/.test(await large.catch(() => '')), 'the long one to be refused');
  });

  test('200 bodies that stop before their end are not all kept: the first ones go, and others are served', async () => {
    const { hostname, port } = new URL(stack.url);
    const key = (await registerApp(stack.url, await signIn(stack.url, 'dora@example.test'))).apiKey;
    const answers: string[] = [];
    const head = [`POST ${COLLECT} HTTP/1.1`, 'host: x', `x-api-key: ${key}`, 'content-type: application/json'];
    const start = [...head, `content-length: ${MIB}`, '', `{"event":"${'x'.repeat(MIB - 200)}`].join('\r\n');
    const sockets = Array.from({ length: 200 }, () => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      socket.on('data', (data) => answers.push(data.toString())).write(start);
      return socket;
    });
    try {
      await until(() => answers.length >= 130, 'the first ones to be refused');
      expect(answers.every((answer) => answer.startsWith('HTTP/1.1 503') && answer.includes('bodies_too_slow'))).toBe(
        true,
      );
      expect((await send({ event: 'x' }, { 'x-api-key': key, ...visitor() })).status).toBe(202);
      expect(
        (await gzip(JSON.stringify({ events: similar(1000) }), { 'x-api-key': key, ...visitor() }, `${COLLECT}/batch`))
          .status,
      ).toBe(202);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test('no small body is refused because others hold the room, wherever its key is', async () => {
    const { hostname, port } = new URL(stack.url);
    const [bob, carl] = [await signIn(stack.url, 'bob@example.test'), await signIn(stack.url, 'carl@example.test')];
    const keys = [(await registerApp(stack.url, bob)).apiKey, (await registerApp(stack.url, carl)).apiKey];
    let refused = 0;
    const open = (head: string[], start: string): Socket => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      socket.on('data', () => (refused += 1));
      socket.write(
        [`POST ${COLLECT} HTTP/1.1`, 'host: x', 'content-type: application/json', ...head, '', start].join('\r\n'),
      );
      return socket;
    };
    const text = JSON.stringify({ event: 'seen', userId: 'u', apiKey: app.apiKey });
    const rest = (socket: Socket, part: string): Promise<string> =>
      new Promise((resolve) => {
        if (socket.bytesRead > 0) return resolve('refused before its end');
        socket.on('data', (data) => resolve(data.toString().slice(9, 12))).write(part);
      });
    const { 'x-forwarded-for': from } = visitor();
    // One that has begun before the room is full, and arrives in two pieces.
    const early = open([`x-forwarded-for: ${from}`, `content-length: ${text.length}`], text.slice(0, 20));
    // Two accounts hold all of the room, 32 MiB each, and send more.
    const slow = Array.from({ length: 74 }, (_none, i) =>
      open([`x-api-key: ${keys[i % 2]}`, `content-length: ${MIB}`], `{"event":"${'x'.repeat(MIB - 200)}`),
    );
    try {
      await until(() => refused >= 8, 'the room to be full');
      const answers = await Promise.all([
        rest(early, text.slice(20)),
        ...Array.from({ length: 20 }, async () => String((await send(text, visitor())).status)),
        ...Array.from({ length: 5 }, async () => String((await gzip(text, visitor())).status)),
        ...Array.from({ length: 5 }, async () => {
          const late = open([`x-forwarded-for: ${from}`, `content-length: ${text.length}`], text.slice(0, 20));
          await new Promise((resolve) => late.write(text.slice(20, 30), resolve));
          return rest(late, text.slice(30));
        }),
        send({ events: similar(1000) }, good(), `${COLLECT}/batch`).then(({ status }) => String(status)),
      ]);
      expect(new Set(answers)).toEqual(new Set(['202']));
    } finally {
      for (const socket of [...slow, early]) socket.destroy();
    }
  });

  test('unfinished bodies from 1,400 networks of one IPv6 site refuse no body with a good key', async () => {
    const { hostname, port } = new URL(stack.url);
    let refused = 0;
    const unfinished = `{"event":"${'x'.repeat(50 * 1024)}`;
    const hold = (i: number): Socket => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      const from = `x-forwarded-for: 2001:db8:7:${i.toString(16)}::1`;
      const head = [`POST ${COLLECT} HTTP/1.1`, 'host: x', from, 'content-type: text/plain', `content-length: ${MIB}`];
      socket.on('data', () => (refused += 1)).write([...head, '', unfinished].join('\r\n'));
      return socket;
    };
    const sockets = Array.from({ length: 1400 }, (_none, i) => hold(i));
    try {
      await until(() => refused >= 650, 'half of the room to be full');
      const bodies = Array.from({ length: 5 }, () => send({ events: similar(1000) }, good(), `${COLLECT}/batch`));
      const small = send({ event: 'x', apiKey: app.apiKey }, { 'x-forwarded-for': '2001:db8:8::1' });
      expect((await Promise.all([...bodies, small])).map(({ status }) => status)).toEqual(Array(6).fill(202));
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test('a sender who leaves in the middle of a body holds nothing back', async () => {
    const { hostname, port } = new URL(stack.url);
    for (const encoding of ['identity', 'gzip']) {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      const head = [
        `POST ${COLLECT} HTTP/1.1`,
        'host: x',
        `x-api-key: ${app.apiKey}`,
        'content-type: application/json',
      ];
      socket.write([...head, `content-encoding: ${encoding}`, 'content-length: 1000', '', ''].join('\r\n'));
      await new Promise<void>((resolve) => socket.write(gzipSync('{"event":').subarray(0, 10), () => resolve()));
      socket.destroy();
    }
    expect((await send({ event: 'x' }, good())).status).toBe(202);
  });
});

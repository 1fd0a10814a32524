import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Answer, call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { HELD_MS } from '../../src/held-answers.js';
import { AT_ONCE_A_SECOND } from '../../src/refusal-pace.js';

const COLLECT = '/api/analytics/collect';
const CHANGES = 20;
/** A megabyte with 1,900 names that is no JSON at its very end. */
const names = Array.from({ length: 1900 }, (_none, i) => `"n${i}":1`).join();
/** So that gzip does not make too little of it. */
const noise = randomBytes(12 * 1024).toString('base64');
const broken = gzipSync(`{"event":"x","metadata":{${names},"noise":"${noise}","pad":"${'ab'.repeat(490_000)}"}`);

describe('bodies of known senders that fail', () => {
  let stack: Stack;
  let ann: Signed;
  let appId: string;
  let other: string;
  beforeAll(async () => {
    stack = await startStack({ workers: 0, env: { RATE_LIMITS: `signin=1000,changes=${CHANGES}` } });
    ann = await signIn(stack.url);
    appId = (await registerApp(stack.url, ann)).id;
    other = (await registerApp(stack.url, await signIn(stack.url, 'bob@example.test'))).apiKey;
  });
  afterAll(() => stack?.stop());

  let strict: ReturnType<Stack['startApi']> | undefined;
  /** A process in which an account may send a hundred events a second. */
  const limited = (): ReturnType<Stack['startApi']> =>
    (strict ??= stack.startApi({ RATE_LIMITS: 'signin=1000,account=100,key=100,address=100' }));
  const keyOf = async (): Promise<string> => (await createKey(stack.url, ann, { appId })).apiKey;
  const send = (body: unknown, key: string, from: string, headers: Record<string, string> = {}): Promise<Answer> =>
    call(stack.url + COLLECT, { body, headers: { 'x-api-key': key, 'x-forwarded-for': from, ...headers } });
  const codes = (answers: Answer[]): string[] => answers.map(({ status, body }) => `${status} ${body.code}`);

  test('a flood of them is answered 429 before the next body is read', async () => {
    const key = await keyOf();
    // Fewer than fill the room for arriving bodies.
    const flood = (): Promise<Answer[]> =>
      Promise.all(
        Array.from({ length: 24 }, (_none, i) => send(broken, key, `203.0.113.${i}`, { 'content-encoding': 'gzip' })),
      );
    const answers = await flood();
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(6);
    expect(new Set(codes(answers))).toEqual(new Set(['400 invalid_json', '429 rate_limited']));
    const refused = answers.find(({ status }) => status === 429)!;
    expect([refused.headers.get('retry-after'), refused.headers.get('ratelimit-remaining')]).toEqual(['1', '0']);
    // A good body is served as soon as the second is over.
    await until(async () => (await send({ event: 'x' }, key, '203.0.113.200')).status === 202, 'the next second');
  });

  test('an address pays for all of its keys, and other addresses and accounts do not', async () => {
    const keys = [await keyOf(), await keyOf()];
    let last: Answer | undefined;
    await until(async () => {
      const answers = await Promise.all(
        keys.map((key) => send(broken, key, '198.51.100.1', { 'content-encoding': 'gzip' })),
      );
      last = answers.find(({ status }) => status === 429);
      return last !== undefined;
    }, 'the address to be refused');
    expect(last!.body.detail).toContain('bytes a second for this address');
    expect((await send({ event: 'x' }, other, '198.51.100.2')).status).toBe(202);
  });

  test('bodies that are left unfinished count by what had come of them', async () => {
    const key = await keyOf();
    const { hostname, port } = new URL(stack.url);
    const leave = (): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(Number(port), hostname).on('error', () => undefined);
        const head = [`POST ${COLLECT} HTTP/1.1`, 'host: x', `x-api-key: ${key}`, 'x-forwarded-for: 192.0.2.1'];
        const lines = [...head, 'content-type: application/json', 'content-length: 1000000'];
        socket.on('close', () => resolve());
        socket.write([...lines, '', `{"event":"${'x'.repeat(900_000)}`].join('\r\n'), () => socket.destroy());
      });
    await until(async () => {
      await Promise.all(Array.from({ length: 12 }, leave));
      return (await send({ event: 'x' }, key, '192.0.2.1')).status === 429;
    }, 'the address to be refused');
  });

  test('small mistakes are told as often as they are made', async () => {
    const key = await keyOf();
    await until(async () => (await send({ event: 'x' }, key, '192.0.2.8')).status === 202, 'the next second');
    const answers = await Promise.all(Array.from({ length: 100 }, () => send('{"event":', key, '192.0.2.9')));
    expect(new Set(codes(answers))).toEqual(new Set(['400 invalid_json']));
  });

  const refused: [string, Record<string, string>, unknown, string][] = [
    ['another charset', { 'content-type': 'application/json;charset=latin1' }, '{}', '415 unsupported_charset'],
    ['another media type', { 'content-type': 'text/xml' }, '{}', '415 unsupported_media_type'],
    ['another encoding', { 'content-encoding': 'br' }, '{}', '415 unsupported_encoding'],
    ['no body', {}, '', '400 body_missing'],
    ['a wrong event', {}, { evnt: 'x' }, '400 invalid_input'],
  ];
  test.each(refused)(
    'refusals for %s count too: its key is answered 429 in the end, and nobody else',
    async (...row) => {
      const [, headers, body, wanted] = row;
      const { url } = await limited();
      const key = await keyOf();
      const post = (apiKey: string, more: Record<string, string>, sent: unknown, i: number): Promise<Answer> =>
        call(url + COLLECT, {
          body: sent,
          headers: { 'x-api-key': apiKey, 'x-forwarded-for': `192.0.2.${i}`, ...more },
        });
      await until(async () => (await post(key, {}, { event: 'x' }, 0)).status === 202, 'the next second');
      const answers: Answer[] = [];
      for (let i = 0; i < 5 && !answers.some(({ status }) => status === 429); i += 1) {
        answers.push(...(await Promise.all(Array.from({ length: 40 }, (_none, j) => post(key, headers, body, j)))));
      }
      expect(codes(answers)).toContain(wanted);
      expect(codes(answers)).toContain('429 rate_limited');
      expect((await post(other, {}, { event: 'x' }, 200)).status).toBe(202);
    },
  );

  test('refusals beyond a hundred a second are answered later, and their log lines are bounded', async () => {
    const { process } = stack.apis[0]!;
    const [before, begun] = [process.records.length, performance.now()];
    const key = await keyOf();
    const times = await Promise.all(
      Array.from({ length: 300 }, async (_none, i) => {
        const from = performance.now();
        await send('{}', key, `198.18.0.${i % 250}`, { 'content-type': 'application/json;charset=latin1' });
        return performance.now() - from;
      }),
    );
    const seconds = Math.ceil((performance.now() - begun) / 1000) + 1;
    const held = times.filter((ms) => ms >= HELD_MS - 5).length;
    expect(held).toBeGreaterThanOrEqual(300 - AT_ONCE_A_SECOND * seconds);
    const lines = process.records.slice(before).filter(({ code }) => code === 'unsupported_charset');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(20 * seconds);
  });

  test('of a signed-in person as many fail in a minute as there may be changes; others are served', async () => {
    const [carl, dora] = [await signIn(stack.url, 'carl@example.test'), await signIn(stack.url, 'dora@example.test')];
    const post = (body: unknown, { accessToken }: Signed) =>
      call(`${stack.url}/api/apps`, { token: accessToken, body, headers: { 'x-forwarded-for': '192.0.2.20' } });
    const answers = [];
    for (let i = 0; i < CHANGES + 5; i += 1) answers.push(await post('{"name":', carl));
    expect(codes(answers)).toEqual([
      ...Array.from({ length: CHANGES }, () => '400 invalid_json'),
      ...Array.from({ length: 5 }, () => '429 rate_limited'),
    ]);
    expect(answers.at(-1)!.headers.get('ratelimit-limit')).toBe(String(CHANGES));
    expect((await post({ name: 'Shop' }, dora)).status).toBe(201);
  });
});

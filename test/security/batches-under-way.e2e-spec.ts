import { connect, type Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { call, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const BATCH = '/api/analytics/collect/batch';
/** Each from a program that nobody has met: the slowest that an event can be. */
const batch = (): string => {
  const event = () => ({
    event: 'e',
    userId: 'u',
    userAgent: `${randomBytes(8).toString('hex')} ${'Linux; '.repeat(60)}`,
  });
  return JSON.stringify({ events: Array.from({ length: 1000 }, event) });
};

describe('batches that take long', () => {
  let stack: Stack;
  let key: string;
  let other: string;
  beforeAll(async () => {
    stack = await startStack({
      workers: 0,
      env: {
        RATE_LIMITS:
          'signin=1000,key=1000000,account=1000000,address=1000000,key_bytes=100000000,account_bytes=100000000,address_bytes=100000000',
      },
    });
    key = (await registerApp(stack.url, await signIn(stack.url))).apiKey;
    other = (await registerApp(stack.url, await signIn(stack.url, 'bob@example.test'))).apiKey;
  });
  afterAll(() => stack?.stop());

  const send = (apiKey: string, text: string) =>
    call(stack.url + BATCH, { body: text, headers: { 'x-api-key': apiKey, 'content-type': 'application/json' } });
  const figure = async (name: string): Promise<number> => {
    const text = await (await fetch(`${stack.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  };

  test('an account has so many bytes of them under way, is told to wait beyond, and delays nobody else', async () => {
    const answers = Promise.all(Array.from({ length: 40 }, () => send(key, batch())));
    await until(async () => (await figure('tallystone_ingest_bytes_under_way')) > 0, 'batches under way');
    expect(
      (await call(stack.url + BATCH, { body: { events: [{ event: 'x' }] }, headers: { 'x-api-key': other } })).status,
    ).toBe(202);
    const found = await answers;
    const codes = new Set(found.map(({ status, body }) => `${status} ${body.code ?? ''}`));
    expect(codes).toEqual(new Set(['202 ', '429 too_many_at_once']));
    const refused = found.find(({ status }) => status === 429)!;
    expect(refused.headers.get('retry-after')).toBe('1');
    await until(async () => (await figure('tallystone_ingest_bytes_under_way')) === 0, 'none under way');
    expect((await send(key, batch())).status).toBe(202);
  });

  test('an account with 200 connections that send without a pause lets others pass', async () => {
    const { hostname, port } = new URL(stack.url);
    const body = '{"event":"x"}';
    const post = (apiKey: string): string =>
      `POST /collect HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    let answered = 0;
    /** Sends the next one when the one before is answered. */
    const loop = (apiKey: string, onAnswer: () => void): Socket => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      socket.on('connect', () => socket.write(post(apiKey)));
      socket.on('data', (data) => {
        if (!data.includes('HTTP/1.1 202')) return;
        onAnswer();
        socket.write(post(apiKey));
      });
      return socket;
    };
    const sockets = Array.from({ length: 200 }, () => loop(key, () => (answered += 1)));
    await until(() => answered > 400, 'the flood');
    // How many of the flood are answered while another account waits for one answer.
    const between: number[] = [];
    let before = answered;
    sockets.push(
      loop(other, () => {
        between.push(answered - before);
        before = answered;
      }),
    );
    await until(() => between.length >= 100, 'the other account');
    for (const socket of sockets) socket.destroy();
    expect(between.sort((a, b) => a - b)[50]).toBeLessThan(100);
  });

  test('a batch whose client goes away is given up', async () => {
    const before = await figure('tallystone_events_accepted_total');
    const sockets = Array.from({ length: 10 }, () => {
      const text = batch();
      const socket = connect(Number(new URL(stack.url).port), '127.0.0.1');
      const head = `POST ${BATCH} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n`;
      socket.on('error', () => undefined).write(head + text);
      return socket;
    });
    await until(async () => (await figure('tallystone_ingest_bytes_under_way')) > 2_000_000, 'batches under way');
    for (const socket of sockets) socket.destroy();
    await until(async () => (await figure('tallystone_ingest_bytes_under_way')) === 0, 'none under way');
    expect(await figure('tallystone_events_accepted_total')).toBeLessThan(before + 10_000);
  });

  test('a batch whose client goes away while it is inflated holds no place', async () => {
    const gone = Array.from({ length: 12 }, () => {
      const text = gzipSync(batch());
      const socket = connect(Number(new URL(stack.url).port), '127.0.0.1').on('error', () => undefined);
      const head = `POST ${BATCH} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${text.length}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), text]), () => socket.resetAndDestroy());
      return once(socket, 'close');
    });
    await Promise.all(gone);
    expect((await send(key, batch())).status).toBe(202);
    await until(async () => (await figure('tallystone_ingest_bytes_under_way')) === 0, 'none under way');
  });
});

import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const LIMIT = 30;

describe('connections of one address', () => {
  let stack: Stack;
  let sockets: Socket[];
  beforeAll(async () => {
    const env = { RATE_LIMITS: `signin=1000,connections=${LIMIT}`, TRUSTED_PROXIES: '10.0.0.0/8' };
    stack = await startStack({ workers: 0, env });
  });
  afterAll(() => stack?.stop());
  beforeEach(() => (sockets = []));
  afterEach(() => sockets.forEach((socket) => socket.destroy()));

  /** Connections that say nothing. @returns how many of them the server has closed */
  const hold = (url: string, count: number): (() => number) => {
    const { hostname, port } = new URL(url);
    let closed = 0;
    for (let i = 0; i < count; i += 1) {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      sockets.push(socket.on('close', () => (closed += 1)));
    }
    return () => closed;
  };
  const health = async (url: string, localAddress: string): Promise<string> => {
    const { port } = new URL(url);
    const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress });
    socket.write('GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    return (await text(socket).catch(() => '')).slice(9, 12);
  };

  test('beyond the limit they are closed at once, another address is served, and the log says so once', async () => {
    const closed = hold(stack.url, LIMIT * 3);
    await until(() => closed() === LIMIT * 2, 'those beyond the limit to be closed');
    expect(await health(stack.url, '127.0.0.1')).toBe('');
    expect(await health(stack.url, '127.0.0.2')).toBe('200');
    const lines = stack.apis[0]!.process.records.filter(({ msg }) =>
      String(msg).startsWith('Connections were refused'),
    );
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('127.0.0');
    for (const socket of sockets) socket.destroy();
    await until(async () => (await health(stack.url, '127.0.0.1')) === '200', 'a place');
  });

  test('a connection that sends hundreds of requests without waiting for answers is closed', async () => {
    const socket = connect(Number(new URL(stack.url).port), '127.0.0.1');
    socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(500));
    expect(await text(socket).catch(() => '')).toBe('');
    expect(await health(stack.url, '127.0.0.1')).toBe('200');
  });

  test('a trusted proxy may have more', async () => {
    const { url } = await stack.startApi({ TRUSTED_PROXIES: 'loopback' });
    const closed = hold(url, LIMIT * 3);
    await until(() => sockets.every((socket) => !socket.connecting), 'all to be connected');
    expect(await health(url, '127.0.0.1')).toBe('200');
    expect(closed()).toBe(0);
  });
});

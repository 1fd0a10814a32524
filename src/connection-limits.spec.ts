import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { EventEmitter, once } from 'node:events';
import { promisify } from 'node:util';
import { until } from '../test/support/until.js';
import { limitConnections, totalFor } from './connection-limits.js';

test.each([
  [65_536, 65_024],
  [1024, 512],
  [256, 128],
  [undefined, 50_000],
])('of %s descriptors, %s go to connections', (descriptors, connections) => {
  expect(totalFor(descriptors)).toBe(connections);
});

describe('a server that takes ten connections', () => {
  let server: Server;
  let sockets: Socket[];
  let lines: unknown[];
  beforeEach(async () => {
    [sockets, lines] = [[], []];
    server = createServer((request, response) => request.url === '/' && response.end('served'));
    const logger = { warn: (line: unknown) => lines.push(line) };
    limitConnections(server, { total: 10, address: 1000, isProxy: () => false }, logger as never);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  const open = (): Socket => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    return socket;
  };
  /** @returns whether it was answered */
  const ask = (path: string): Promise<boolean> => {
    const socket = open();
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
  };

  test('closes idle ones when it is full, so that others are served', async () => {
    for (let i = 0; i < 9; i += 1) expect(await ask('/')).toBe(true);
    for (let i = 0; i < 6; i += 1) expect(await ask('/')).toBe(true);
    expect(lines).toEqual([]);
  });

  test('refuses more while all of them wait for an answer, says so once, and serves again later', async () => {
    const waiting = Array.from({ length: 10 }, () => ask('/never'));
    const count = promisify(server.getConnections.bind(server));
    await until(async () => (await count()) === 10, 'ten connections');
    for (let i = 0; i < 3; i += 1) expect(await ask('/')).toBe(false);
    expect(lines).toEqual([expect.objectContaining({ refusedInTotal: 1 })]);
    sockets[0]!.destroy();
    expect(await waiting[0]).toBe(false);
    await until(() => ask('/'), 'a place');
  });
});

test('a /48 of IPv6 has five times as many connections as one of its addresses', () => {
  const server = createServer();
  limitConnections(server, { total: 100, address: 2, isProxy: () => false }, { warn: () => undefined } as never);
  const open = (remoteAddress: string): boolean => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress, destroyed: false, destroy: () => undefined });
    socket.destroy = () => {
      socket.destroyed = true;
    };
    // The server's own listener wants a real connection.
    for (const listener of server.listeners('connection').slice(1)) listener.call(server, socket);
    return !socket.destroyed;
  };
  expect([1, 2, 3].map(() => open('2001:db8:7:1::1'))).toEqual([true, true, false]);
  const others = Array.from({ length: 12 }, (_none, i) => open(`2001:db8:7:${i + 16}::1`));
  expect(others.filter(Boolean)).toHaveLength(8);
  expect(open('2001:db8:8:1::1')).toBe(true);
});

import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { limitBodyPieces, PIECES_FREE, TINY_PIECES } from './body-pieces.js';

const CHUNKED = 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n';
const CLOSE = 'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n';
const chunk = (bytes: number): string => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
const END = '0\r\n\r\n';
const FLOODS = 20;

describe('bodies in pieces', () => {
  let server: Server;
  let readsBodies: boolean;
  /** Pieces and bytes that were handed on. */
  let found: { pieces: number; bytes: number };
  beforeEach(async () => {
    readsBodies = true;
    found = { pieces: 0, bytes: 0 };
    server = createServer((request, response) => {
      request.on('error', () => undefined);
      if (!readsBodies) return void response.end('served');
      request.on('data', ({ length }: Buffer) => {
        found.pieces += 1;
        found.bytes += length;
      });
      request.on('end', () => response.end('served'));
    });
    server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
      if (error.code === TINY_PIECES) socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
      else socket.destroy();
    });
    limitBodyPieces(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const opened = (): Socket =>
    connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  /** Also where it is reset, which `once` takes for a failure. */
  const closing = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));
  /** Sends everything, and reads until the connection is closed. */
  const send = async (sent: string): Promise<string> => {
    let answer = '';
    const socket = opened().on('data', (data) => (answer += data.toString()));
    socket.write(sent);
    await closing(socket);
    return answer;
  };
  const served = (answer: string): number => answer.split('200 OK').length - 1;

  test('tiny chunks are not read on: the connection is closed with an answer, and others are served', async () => {
    expect(served(await send(CHUNKED + chunk(1).repeat(20_000) + END))).toBe(0);
    // All of this is read at once, so that the answer does not meet a reset.
    expect(await send(CHUNKED + chunk(1).repeat(1000))).toContain('HTTP/1.1 400');
    expect(found.pieces).toBeLessThanOrEqual(2 * PIECES_FREE);
    // Node uses the parser again.
    for (let i = 0; i < 20; i += 1) expect(served(await send(CLOSE + chunk(10).repeat(3) + END))).toBe(1);
  });

  test('nor where the body is of no interest, or comes behind other requests', async () => {
    readsBodies = false;
    const pushed = jest.spyOn(server, 'emit');
    await send(CHUNKED + chunk(1).repeat(20_000));
    readsBodies = true;
    await send(CLOSE.replace('connection: close\r\n', '') + END + CHUNKED + chunk(1).repeat(20_000));
    expect(found.pieces).toBeLessThanOrEqual(PIECES_FREE);
    // No second answer to a request that has one.
    expect((pushed.mock.calls as unknown[][]).filter(([name]) => name === 'clientError').length).toBeLessThanOrEqual(1);
    pushed.mockRestore();
  });

  test('they cost a small part of the processor time that they did', async () => {
    const flooded = chunk(1).repeat(10_000) + END;
    const flood = async (): Promise<number> => {
      const before = process.cpuUsage().user;
      for (let i = 0; i < FLOODS; i += 1) await send(CLOSE + flooded);
      return process.cpuUsage().user - before;
    };
    const limited = await flood();
    // A server without the limit may be given a parser that counted before.
    const handler = server.listeners('request')[0] as RequestListener;
    server.close();
    server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    found.pieces = 0;
    const usual = await flood();
    expect(found.pieces).toBe(FLOODS * 10_000);
    expect(limited).toBeLessThan(usual / 2);
  });

  test.each([
    ['4 KiB chunks, as proxies make them', chunk(4096), 256],
    ['chunks of 256 bytes, of which reads cut some in two', chunk(256), 4000],
    ['few small chunks', chunk(1), PIECES_FREE],
  ])('%s are read', async (_what, one, count) => {
    expect(served(await send(CLOSE + one.repeat(count) + END))).toBe(1);
    expect(found.bytes).toBe(count * (one.length - 4 - one.indexOf('\r')));
  });

  test.each([
    [1400, 700, 'served'],
    [1, 600, 'closed'],
  ])('a body of known length in packets of %d bytes, %d of them: %s', async (bytes, count, wanted) => {
    let answer = '';
    const socket = opened()
      .setNoDelay()
      .on('data', (data) => (answer += data.toString()));
    const closed = closing(socket);
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${bytes * count}\r\n\r\n`);
    for (let i = 0; i < count && !socket.destroyed; i += 1) {
      const before = found.bytes;
      socket.write('x'.repeat(bytes));
      // Each by itself: the next one once this one has been read.
      for (let turn = 0; found.bytes === before && !socket.destroyed && turn < 1000; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await closed;
    expect(served(answer)).toBe(wanted === 'served' ? 1 : 0);
  });

  test('requests of one connection are counted apart', async () => {
    const one = CHUNKED + chunk(1).repeat(200) + END;
    expect(served(await send(one + one + CLOSE + chunk(1).repeat(200) + END))).toBe(3);
  });
});

import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { limitPipelining, PIPELINED_MAX } from './pipelining.js';

const REQUEST = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const LAST = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

describe('requests that are sent without waiting for answers', () => {
  let server: Server;
  let served: number;
  beforeEach(async () => {
    served = 0;
    server = createServer((_request, response) => {
      served += 1;
      setImmediate(() => response.end('served'));
    });
    limitPipelining(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => server.close());

  const send = async (requests: string): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(requests);
    return text(socket).catch(() => '');
  };
  const answers = (sent: string): number => sent.split('200 OK').length - 1;

  test('some are answered, each of them', async () => {
    expect(answers(await send(REQUEST.repeat(PIPELINED_MAX) + LAST))).toBe(PIPELINED_MAX + 1);
  });

  test('a flood of them is not read: the connection is closed, and others are served', async () => {
    expect(answers(await send(REQUEST.repeat(2000) + LAST))).toBe(0);
    // The last of them is handed over before the connection is seen to be closed.
    expect(served).toBe(PIPELINED_MAX + 2);
    expect(answers(await send(LAST))).toBe(1);
  });

  test('a connection may send any number of requests one after another', async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    for (let i = 0; i < PIPELINED_MAX * 3; i += 1) {
      socket.write(REQUEST);
      await once(socket, 'data');
    }
    expect(served).toBe(PIPELINED_MAX * 3);
    socket.destroy();
  });
});

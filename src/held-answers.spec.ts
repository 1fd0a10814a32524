import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { until } from '../test/support/until.js';
import { HeldAnswers } from './held-answers.js';

const HELD_MS = 200;
const REQUEST = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

describe('answers that are held', () => {
  let server: Server;
  let sent: number[];
  let sockets: Socket[];
  beforeEach(async () => {
    [sent, sockets] = [[], []];
    const held = new HeldAnswers(HELD_MS, 3);
    server = createServer((_request, response) =>
      held.hold(response, () => {
        sent.push(performance.now());
        response.end('held');
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const send = (text: string): Socket => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    socket.resume().write(text);
    return socket;
  };

  test('come later, those of one connection one after another', async () => {
    const begun = performance.now();
    send(REQUEST.repeat(3));
    await until(() => sent.length === 3, 'the answers');
    for (const [i, at] of sent.entries()) expect(at - begun).toBeGreaterThanOrEqual((i + 1) * HELD_MS - 5);
  });

  test('are so many; beyond these connections are closed, and those of clients that have gone make room', async () => {
    const gone = [send(REQUEST), send(REQUEST), send(REQUEST)];
    await Promise.all(gone.map((socket) => once(socket, 'connect')));
    await until(async () => {
      const closed = once(send(REQUEST), 'close').then(() => true);
      return Promise.race([closed, until(() => sent.length > 0, 'an answer').then(() => false)]);
    }, 'one to be closed');
    for (const socket of gone) socket.destroy();
    sent = [];
    await until(() => {
      if (sent.length === 0 && sockets.every(({ closed }) => closed)) send(REQUEST);
      return sent.length > 0;
    }, 'room');
  });
});

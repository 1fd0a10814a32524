import fastify from 'fastify';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { createLogger } from '../src/common/logger.js';
import { closeStalledAnswers } from '../src/stalled-answers.js';
import { acceptedEvent } from './support/events.js';
import { call, createKey, registerApp, signIn, type Signed } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const MIB = 1024 * 1024;

const opened: Socket[] = [];
/** Sends GET requests on one connection and reads no answer until it is resumed. */
function asks(url: string, path: string, headers: Record<string, string> = {}, times = 1): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => undefined);
  const lines = Object.entries({ host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`.repeat(times));
  opened.push(socket);
  return socket;
}
const closeAll = () => opened.splice(0).forEach((socket) => socket.destroy());

describe('answers that nobody reads', () => {
  let stack: Stack;
  let ann: Signed;
  let bob: Signed;
  let appId: string;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    bob = await signIn(stack.url, 'bob@example.test');
    appId = (await registerApp(stack.url, ann)).id;
    const metadata = JSON.stringify({ text: 'x'.repeat(30_000) });
    await stack.store(
      Array.from({ length: 40 }, (_none, i) =>
        acceptedEvent({ appId: appId.replaceAll('-', ''), eventId: `${i}`, metadata }),
      ),
    );
  });
  afterEach(closeAll);
  afterAll(() => stack?.stop());

  const events = '/api/analytics/events?limit=200';
  const ask = ({ accessToken }: Signed) => call(stack.url + events, { token: accessToken });

  test.each(['signed in', 'with a key'])('beyond 32 MiB of them the account is refused, asked %s', async (how) => {
    const { apiKey } = await createKey(stack.url, ann, { appId, scopes: ['read'] });
    const headers: Record<string, string> =
      how === 'signed in' ? { authorization: `Bearer ${ann.accessToken}` } : { 'x-api-key': apiKey };
    // The system takes the first few MiB of each connection.
    await until(async () => {
      asks(stack.url, events, headers, 16);
      return (await ask(ann)).body.code === 'too_many_unread_bytes';
    }, 'the account to be refused');
    const refused = await ask(ann);
    const { status, body, headers: told } = refused;
    expect([status, body.code, told.get('retry-after')]).toEqual([429, 'too_many_unread_bytes', '5']);
    // Others are answered, and what changes something is.
    expect((await ask(bob)).status).toBe(200);
    expect((await call(`${stack.url}/api/apps`, { token: ann.accessToken, body: { name: 'B' } })).status).toBe(201);
    // Some are read, others are hung up on: both make room.
    for (const [i, socket] of opened.entries()) if (i % 2) socket.resume();
    for (const [i, socket] of opened.entries()) if (i % 2 === 0) socket.destroy();
    await until(async () => (await ask(ann)).status === 200, 'the account to be served again');
  });
});

describe('a connection whose client reads nothing', () => {
  const STALLED_MS = 600;
  const server = fastify();
  let url: string;
  let produced = 0;
  beforeAll(async () => {
    closeStalledAnswers(server, createLogger({ logLevel: 'error' } as never, 'api'), STALLED_MS);
    server.get('/large', (_request, reply) => reply.send('x'.repeat(16 * MIB)));
    server.get('/quiet', (_request, reply) => {
      const stream = new Readable({ read: () => undefined });
      stream.push('first');
      setTimeout(() => stream.push('later') && stream.push(null), STALLED_MS * 3);
      return reply.send(stream);
    });
    server.get('/endless', (_request, reply) => {
      const read = function (this: Readable) {
        this.push(Buffer.alloc((produced += 1) && 64 * 1024));
      };
      return reply.send(new Readable({ read }));
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  });
  afterEach(closeAll);
  afterAll(() => server.close());

  const connections = () => new Promise<number>((end) => server.server.getConnections((_none, count) => end(count)));

  test.each(['/large', '/endless'])('is closed (%s), whatever it sends', async (path) => {
    const begun = Date.now();
    const socket = asks(url, path);
    const sends = setInterval(() => socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n'), STALLED_MS / 6);
    try {
      await until(async () => (await connections()) === 1, 'the connection');
      await until(async () => (await connections()) === 0, 'the connection to be closed');
    } finally {
      clearInterval(sends);
    }
    expect(Date.now() - begun).toBeGreaterThanOrEqual(STALLED_MS);
  });

  test('is left open while it reads, however slowly, and while there is nothing to read', async () => {
    const quiet = await fetch(`${url}/quiet`).then((answer) => answer.text());
    expect(quiet).toBe('firstlater');
    const socket = asks(url, '/large');
    let read = 0;
    let isClosed = false;
    socket.on('data', (data) => (read += data.length)).on('close', () => (isClosed = true));
    const begun = Date.now();
    // A little at a time: the whole takes several times as long as a client may read nothing.
    const sips = setInterval(() => {
      socket.resume();
      socket.once('data', () => socket.pause());
    }, STALLED_MS / 60);
    await until(() => Date.now() - begun > STALLED_MS * 4 || isClosed, 'time to pass');
    clearInterval(sips);
    expect([isClosed, read < 16 * MIB]).toEqual([false, true]);
    socket.resume();
    await until(() => read > 16 * MIB, 'the rest');
  });
});

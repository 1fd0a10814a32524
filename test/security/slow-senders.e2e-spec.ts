import { connect, type Socket } from 'node:net';
import { call, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const SLOW = 300;
/** http-server.ts: headers within 10 s. Node looks every few seconds whether somebody is late. */
const CLOSED_WITHIN_MS = 60_000;

describe('slow senders', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
  });
  afterAll(() => stack?.stop());

  test(
    `${SLOW} of them, byte by byte, in headers and in bodies: others stay served, and the slow ones are closed`,
    async () => {
      const app = await registerApp(stack.url, await signIn(stack.url));
      const { hostname, port } = new URL(stack.url);
      const answers: string[] = [];
      let closed = 0;
      const sockets = Array.from({ length: SLOW }, (_none, i): Socket => {
        const socket = connect(Number(port), hostname);
        socket.on('error', () => undefined).on('close', () => (closed += 1));
        socket.on('data', (data) => answers.push(data.toString()));
        const head = 'POST /collect HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
        socket.write(i % 2 ? head : `${head}content-length: 1000\r\n\r\n{`);
        return socket;
      });
      const dribble = setInterval(() => {
        for (const [i, socket] of sockets.entries()) if (socket.writable) socket.write(i % 2 ? 'x-a: b\r\n' : ' ');
      }, 500);
      try {
        await until(() => sockets.every((socket) => !socket.connecting), 'the slow ones to be connected');
        const post = () => call(`${stack.url}/collect`, { key: app.apiKey, body: { event: 'quick' } });
        for (let i = 0; i < 50; i += 1) expect((await post()).status).toBe(202);
        await until(() => closed === SLOW, 'the slow ones to be closed', CLOSED_WITHIN_MS);
        expect(answers.filter((text) => text.startsWith('HTTP/1.1 202'))).toEqual([]);
        expect(answers.some((text) => text.startsWith('HTTP/1.1 408') && text.includes('request_timeout'))).toBe(true);
        expect((await post()).status).toBe(202);
      } finally {
        clearInterval(dribble);
        for (const socket of sockets) socket.destroy();
      }
    },
    CLOSED_WITHIN_MS + 30_000,
  );
});

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
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

  describe('bodies in tiny pieces', () => {
    const TINY = 'body_in_tiny_pieces';
    /** Sends a piece each time the one before has gone out, until the server hangs up or all are sent. */
    const sendOnce = (head: string[], pieces: Iterable<string>): Promise<string> =>
      new Promise((resolve) => {
        const { hostname, port } = new URL(stack.url);
        let answer = '';
        const socket = connect(Number(port), hostname).setNoDelay();
        socket.on('error', () => undefined).on('data', (data) => (answer += data.toString()));
        socket.on('close', () => resolve(answer));
        socket.write([...head, 'host: x', '', ''].join('\r\n'));
        const next = pieces[Symbol.iterator]();
        const sendNext = (): void => {
          const { done, value } = next.next();
          if (!done && socket.writable) socket.write(value, 'latin1', () => setImmediate(sendNext));
        };
        sendNext();
      });
    /** Again where no answer came: pieces that arrive after the server has closed the connection make the kernel drop its answer. */
    const send = async (head: string[], pieces: Iterable<string>): Promise<string> => {
      let answer = '';
      for (let attempt = 1; answer === '' && attempt <= 10; attempt += 1) answer = await sendOnce(head, pieces);
      return answer;
    };
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    const tiny = (): string[] => [chunk('{"a":"'), ...Array<string>(600).fill(chunk('x'))];
    const JSON_BODY = 'content-type: application/json';

    test.each([
      ['POST /api/analytics/collect HTTP/1.1', TINY],
      ['POST /api/apps HTTP/1.1', TINY],
      // Answered before the body has come, and closed then.
      ['POST /nowhere HTTP/1.1', ''],
      ['GET /health HTTP/1.1', ''],
    ])('%s: the connection is closed, without a key', async (line, code) => {
      const answer = await send([line, JSON_BODY, 'transfer-encoding: chunked'], tiny());
      if (code) expect(answer).toContain(`"code":"${code}"`);
      // For being late.
      expect(answer).not.toContain('HTTP/1.1 408');
    });

    test('nor does a good key help, nor gzip, nor a body of known length', async () => {
      const { apiKey } = await registerApp(stack.url, await signIn(stack.url));
      const head = ['POST /collect HTTP/1.1', JSON_BODY, `x-api-key: ${apiKey}`];
      const gzipped = gzipSync(randomBytes(600).toString('hex')).toString('latin1');
      const pieces = Array.from(gzipped, (byte) => `1\r\n${byte}\r\n`);
      const answer = await send([...head, 'transfer-encoding: chunked'], tiny());
      expect(answer).toContain('HTTP/1.1 400');
      expect(answer).toContain(TINY);
      expect(await send([...head, 'content-encoding: gzip', 'transfer-encoding: chunked'], pieces)).toContain(TINY);
    });

    test('packets of a slow phone, and what proxies make of bodies, are taken', async () => {
      const { apiKey } = await registerApp(stack.url, await signIn(stack.url));
      const body = JSON.stringify({
        events: Array.from({ length: 900 }, (_none, i) => ({ event: 'seen', metadata: { note: `${i} `.repeat(100) } })),
      });
      expect(body.length).toBeGreaterThan(300_000);
      const head = ['POST /collect/batch HTTP/1.1', JSON_BODY, `x-api-key: ${apiKey}`, 'connection: close'];
      const cut = (size: number) => body.match(new RegExp(`.{1,${size}}`, 'g'))!;
      const known = await send([...head, `content-length: ${body.length}`], cut(1400));
      expect(known).toContain('HTTP/1.1 202');
      for (const size of [300, 1400, 4096, 32 * 1024]) {
        const answer = await send([...head, 'transfer-encoding: chunked'], [...cut(size).map(chunk), '0\r\n\r\n']);
        expect([size, answer.slice(0, 12)]).toEqual([size, 'HTTP/1.1 202']);
      }
    });
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Stack, startStack } from './support/stack.js';

interface RawAnswer {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

const DECODE: Record<string, (body: Buffer) => Buffer> = { br: brotliDecompressSync, gzip: gunzipSync };
const script = readdirSync(join('dist', 'web', 'assets')).find((name) => name.endsWith('.js'))!;
const style = readdirSync(join('dist', 'web', 'assets')).find((name) => name.endsWith('.css'))!;
const FILES = [
  `/assets/${script}`,
  `/assets/${style}`,
  '/api-docs/swagger-ui/swagger-ui-bundle.js',
  '/api-docs/swagger-ui/swagger-ui.css',
];
const TEXTS = ['/api-docs-json', '/t.js'];

describe('static files', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
  });
  afterAll(() => stack?.stop());

  /** As it comes over the wire. */
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      request(stack.url + path, { method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            headers: answer.headers as RawAnswer['headers'],
            body: Buffer.concat(chunks),
          }),
        );
      })
        .on('error', reject)
        .end();
    });

  describe.each([...FILES, ...TEXTS])('%s', (path) => {
    test.each([
      ['br', 'gzip, deflate, br, zstd'],
      ['gzip', 'gzip'],
      ['gzip', 'br;q=0, gzip'],
    ])('is sent as %s to a browser that takes %s: made once, whole, and told apart', async (encoding, accepted) => {
      const plain = await get(path);
      const { status, headers, body } = await get(path, { 'accept-encoding': accepted });
      expect([status, headers['content-encoding']]).toEqual([200, encoding]);
      // What is compressed for a request has no length.
      expect(headers['content-length']).toBe(String(body.length));
      expect(headers['transfer-encoding']).toBeUndefined();
      expect(DECODE[encoding]!(body).equals(plain.body)).toBe(true);
      expect(body.length).toBeLessThan(plain.body.length);
      expect(headers['content-type']).toBe(plain.headers['content-type']);
      expect(headers.vary!.toLowerCase().split(/,\s*/)).toEqual(['accept-encoding']);
      expect(headers.etag).not.toBe(plain.headers.etag);
      const again = await get(path, { 'accept-encoding': accepted, 'if-none-match': headers.etag! });
      expect([again.status, again.body.length, again.headers.vary?.toLowerCase()]).toEqual([304, 0, 'accept-encoding']);
      const other = await get(path, { 'accept-encoding': accepted, 'if-none-match': plain.headers.etag! });
      expect(other.status).toBe(200);
      const head = await get(path, { 'accept-encoding': accepted }, 'HEAD');
      expect([head.status, head.body.length]).toEqual([200, 0]);
      for (const name of ['content-encoding', 'content-length', 'content-type', 'etag', 'vary'])
        expect([name, head.headers[name]]).toEqual([name, headers[name]]);
    });

    test.each([undefined, 'identity', 'zstd', 'compress', 'gzip;q=0'])(
      'is sent as it is to one that takes %s',
      async (accepted) => {
        const { status, headers, body } = await get(
          path,
          accepted === undefined ? {} : { 'accept-encoding': accepted },
        );
        expect([status, headers['content-encoding'], headers.vary?.toLowerCase()]).toEqual([
          200,
          undefined,
          'accept-encoding',
        ]);
        expect(headers['content-length']).toBe(String(body.length));
      },
    );
  });

  test('the best compressed form was made by the build', async () => {
    const { body } = await get(`/assets/${script}`, { 'accept-encoding': 'br' });
    expect(body.equals(readFileSync(join('dist', 'web', 'assets', `${script}.br`)))).toBe(true);
  });

  test.each(['br', 'identity'])('a part of a file, %s', async (encoding) => {
    const whole = await get(`/assets/${script}`, { 'accept-encoding': encoding });
    const part = await get(`/assets/${script}`, { 'accept-encoding': encoding, range: 'bytes=100-199' });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-199/${whole.body.length}`]);
    expect(part.headers['content-encoding']).toBe(whole.headers['content-encoding']);
    expect(part.body.equals(whole.body.subarray(100, 200))).toBe(true);
  });

  test('what lies beside the files is not served', async () => {
    for (const name of ['swagger-ui-bundle.js.br', 'package.json', 'index.html'])
      expect([name, (await get(`/api-docs/swagger-ui/${name}`)).status]).toEqual([name, 404]);
  });

  test('answers of the API are compressed as before', async () => {
    const document = JSON.parse((await get('/api-docs-json')).body.toString()) as { paths: object };
    expect(Object.keys(document.paths).length).toBeGreaterThan(20);
    const small = await get('/health', { 'accept-encoding': 'br' });
    expect([small.status, small.headers['content-encoding']]).toEqual([200, undefined]);
  });
});

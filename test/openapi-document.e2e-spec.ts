import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call, registerApp, signIn } from './support/client.js';
import { README_CALLS } from './support/readme-calls.js';
import { type Stack, startStack } from './support/stack.js';

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];
/** The document as it is kept, for readers, for the types of the pages and for scripts/api-diff.mjs. */
const KEPT = join('docs', 'openapi', 'current.json');
const SUMMARY_MAX = 60;
/** What an operation id begins with. */
const VERBS =
  /^(begin|check|collect|create|delete|end|erase|export|finish|get|list|lock|put|refresh|regenerate|register|replay|reveal|revoke|sign|stream|unlock|update)[A-Z]/;

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  responses: Record<string, { $ref?: string; description?: string; headers?: Record<string, unknown> }>;
}
interface Document {
  info: { version: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, unknown>; schemas: Record<string, unknown> };
}

describe('the OpenAPI document', () => {
  let stack: Stack;
  let document: Document;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    document = (await call(`${stack.url}/api-docs-json`)).body as Document;
    // Below the project, so that the generated client finds the project's types.
    folder = mkdtempSync(join(process.cwd(), '.data', 'openapi-'));
    file = join(folder, 'openapi.json');
    writeFileSync(file, JSON.stringify(document));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stack?.stop();
  });

  const operations = (): Operation[] =>
    Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => item[method] ?? []));

  test('names the server', () => {
    expect(document.servers).toEqual([{ url: stack.url }]);
  });

  test('has the version of package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(document.info.version).toBe(version);
  });

  test('is the one in docs/openapi/current.json (UPDATE_DOCS=1 writes it again)', () => {
    // The address is the only part that depends on where it runs.
    const kept = { ...document, servers: [{ url: 'http://127.0.0.1:3000' }] };
    if (process.env.UPDATE_DOCS) writeFileSync(KEPT, `${JSON.stringify(kept, undefined, 2)}\n`);
    expect(JSON.parse(readFileSync(KEPT, 'utf8'))).toEqual(kept);
  });

  test('describes the Deprecation header of the answers that have it', async () => {
    const { accessToken: token } = await signIn(stack.url);
    const { id } = await registerApp(stack.url, { accessToken: token });
    const described = (operationId: string): string | null => {
      const { responses } = operations().find((operation) => operation.operationId === operationId)!;
      const header = responses['200']?.headers?.Deprecation as { schema: { example: string } } | undefined;
      return header?.schema.example ?? null;
    };
    for (const [operationId, path] of [
      ['exportPerson', `/api/apps/${id}/users/ann`],
      ['getUserStats', '/api/analytics/user-stats?userId=ann'],
      ['listApps', '/api/apps'],
    ] as const) {
      const { status, headers } = await call(stack.url + path, { token });
      expect([status, headers.get('deprecation')]).toEqual([200, described(operationId)]);
    }
    const all = operations().filter(({ operationId }) => described(operationId) !== null);
    expect(all.map(({ operationId }) => operationId).sort()).toEqual(['exportPerson', 'getReceipt', 'getUserStats']);
  });

  test('says of every answer what it means', () => {
    const untold = operations().flatMap(({ operationId, responses }) =>
      Object.entries(responses)
        .filter(([, response]) => !response.$ref && !response.description)
        .map(([status]) => `${operationId} ${status}`),
    );
    expect(untold).toEqual([]);
  });

  test('breaks no recommended rule of redocly or spectral', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/lint-openapi.mjs', file], {
      encoding: 'utf8',
    });
    expect({ faults: stdout.split('\n').filter(Boolean), stderr, status }).toEqual({
      faults: [],
      stderr: '',
      status: 0,
    });
  });

  test('the linters find a fault where there is one', () => {
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, JSON.stringify({ ...document, servers: [] }));
    const { status, stdout } = spawnSync(process.execPath, ['scripts/lint-openapi.mjs', broken], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stdout).toMatch(/redocly no-empty-servers/);
    expect(stdout).toMatch(/spectral oas3-api-servers/);
  });

  test('operation ids are a verb and a noun, unique, without digits', () => {
    const ids = operations().map(({ operationId }) => operationId);
    expect(ids.length).toBeGreaterThan(35);
    expect(ids.filter((id) => !VERBS.test(id) || /\d|_/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('summaries are short, and a description has the details', () => {
    const wrong = operations().filter(
      ({ summary, description }) => !summary || summary.length > SUMMARY_MAX || /[.:]$/.test(summary) || !description,
    );
    expect(wrong.map(({ operationId, summary }) => `${operationId}: ${summary}`)).toEqual([]);
  });

  test('errors are described once', () => {
    const inlined = operations().flatMap(({ operationId, responses }) =>
      Object.entries(responses)
        .filter(([status, response]) => Number(status) >= 400 && !response.$ref)
        // Another body than a problem.
        .filter(([status]) => !(operationId === 'getReadiness' && status === '503'))
        .map(([status]) => `${operationId} ${status}`),
    );
    expect(inlined).toEqual([]);
    expect(Object.keys(document.components.responses)).toEqual(
      expect.arrayContaining(['BadRequest', 'Unauthorized', 'TooManyRequests', 'ServiceUnavailable']),
    );
    expect(document.components.responses.TooManyRequests).toMatchObject({
      headers: { 'Retry-After': {}, 'RateLimit-Limit': {}, 'RateLimit-Remaining': {}, 'RateLimit-Reset': {} },
    });
  });

  test('counts are integers and times are date-time', () => {
    const text = JSON.stringify(document.components.schemas);
    const numbers = [...text.matchAll(/"(\w+)":\{[^{}]*"type":"number"/g)].map(([, name]) => name);
    expect(new Set(numbers)).toEqual(new Set(['share']));
    expect(document.components.schemas).toMatchObject({
      EventSummaryDto: { properties: { count: { type: 'integer' }, asOf: { type: 'string', format: 'date-time' } } },
      EventDto: { properties: { timestamp: { format: 'date-time' } } },
      UserStatsDto: { properties: { firstSeen: { format: 'date-time' } } },
    });
  });

  test('every text that is described as a time of RFC 3339 is date-time', () => {
    type Property = { type?: string; format?: string; description?: string };
    const schemas = Object.entries(document.components.schemas) as [
      string,
      { properties?: Record<string, Property> },
    ][];
    const texts = schemas.flatMap(([schema, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, { type, description }]) => type === 'string' && description?.includes('RFC 3339'))
        .map(([name, { format }]) => [`${schema}.${name}`, format]),
    );
    expect(texts.length).toBeGreaterThan(5);
    expect(texts.filter(([, format]) => format !== 'date-time')).toEqual([]);
    const period = { start: { format: 'date-time' }, end: { format: 'date-time' } };
    expect(document.components.schemas).toMatchObject({
      BucketDto: { properties: { start: { format: 'date-time' } } },
      PeriodDto: { properties: period },
      OneSeriesDto: { properties: period },
      RejectedEventDto: { properties: { serverTime: { format: 'date-time' } } },
    });
  });

  test('names for each operation the statuses that occur, and no others', () => {
    const statuses = (id: string) => Object.keys(operations().find(({ operationId }) => operationId === id)!.responses);
    const ofEach = ['400', '408', '429', '431'];
    expect(statuses('getHealth')).toEqual(['200', ...ofEach]);
    expect(statuses('getReadiness')).toEqual(['200', ...ofEach, '503']);
    for (const id of ['createBearerToken', 'endSessions', 'endSession', 'erasePerson', 'lockAccount']) {
      expect([id, ...statuses(id)]).toEqual(expect.arrayContaining(['413', '415', ...ofEach]));
    }
    const conflicts = operations().flatMap(({ operationId, responses }) => (responses['409'] ? [operationId] : []));
    expect(conflicts).toContain('replayDeadLetters');
  });

  test("the README's five calls compile strictly against a client that is generated from it", () => {
    const node = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder });
      expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
    };
    const modules = join(process.cwd(), 'node_modules');
    const options = ['-i', file, '-o', join(folder, 'client'), '--no-log-file', '-s'];
    node(join(modules, '@hey-api', 'openapi-ts', 'bin', 'run.js'), ...options);
    writeFileSync(join(folder, 'readme.ts'), README_CALLS);
    const strict = ['--strict', '--noEmit', '--skipLibCheck', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable'];
    const resolution = ['--module', 'esnext', '--moduleResolution', 'bundler', '--ignoreConfig'];
    node(join(modules, 'typescript', 'bin', 'tsc'), ...strict, ...resolution, join(folder, 'readme.ts'));
  });
});

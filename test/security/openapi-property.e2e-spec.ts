import { Ajv } from 'ajv';
import fc from 'fast-check';
import { call, createKey, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { objectsOf, type Schema, valuesOf } from './schema-values.js';

const REQUESTS = 5000;
const AT_ONCE = 16;

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, Response>;
}
interface Response {
  $ref?: string;
  content?: Record<string, { schema: Schema }>;
}
interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
}

/** Would end the account, its sessions or its keys, or leave the site. */
const LEFT_OUT = [
  'delete /api/auth/me',
  'post /api/auth/logout',
  'delete /api/auth/sessions',
  'post /api/operation/accounts/{id}/revoke-keys',
  'get /api/auth/google',
  'get /api/auth/google/callback',
];

describe('requests made from our own OpenAPI document', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      env: {
        RATE_LIMITS:
          'key=1000000,account=1000000,address=1000000,signin=10000,bodies=10000,refused_keys=100000,reads=1000000,changes=1000000,regenerate=1000000',
      },
    });
    await stack.drained();
  });
  afterAll(() => stack?.stop());

  test(`${REQUESTS} of them: no 5xx, and every answer is one that the document names`, async () => {
    const document = (await call(`${stack.url}/api-docs-json`)).body as OpenApi;
    const { schemas } = document.components;
    const ajv = new Ajv({ strict: false, formats: FORMATS });
    ajv.addSchema({ $id: 'doc', components: { schemas: JSON.parse(JSON.stringify(schemas)) as object } });
    const ann = await signIn(stack.url);
    const app = await registerApp(stack.url, ann);
    const both = await createKey(stack.url, ann, { appId: app.id, scopes: ['read', 'write'] });
    const doomed = await registerApp(stack.url, ann);
    // The key that posts is not among them: it would soon be revoked.
    const ids = fc.constantFrom(app.id, app.keyId, ann.user.id);
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => !LEFT_OUT.includes(`${method} ${path}`))
        .map(([method, operation]) => ({ method, path, operation })),
    );
    expect(operations.length).toBeGreaterThan(25);

    const requests = fc.constantFrom(...operations).chain(({ method, path, operation }) => {
      const values = (place: string) =>
        fc.record(
          Object.fromEntries(
            (operation.parameters ?? [])
              .filter((one) => one.in === place)
              .map((one) => [
                one.name,
                fc.oneof(
                  { weight: /id$/i.test(one.name) ? 3 : 0, arbitrary: ids },
                  { weight: 1, arbitrary: valuesOf(one.schema, schemas) },
                ),
              ]),
          ),
          { requiredKeys: place === 'path' ? undefined : [] },
        ) as fc.Arbitrary<Record<string, unknown>>;
      const schema = operation.requestBody?.content['application/json']?.schema;
      return fc.record({
        method: fc.constant(method),
        path: fc.constant(path),
        operation: fc.constant(operation),
        inPath: values('path'),
        inQuery: values('query'),
        body: schema ? objectsOf(schema, schemas) : fc.constant(undefined),
      });
    });

    const send = async (asked: Asked): Promise<string> => {
      // The app that all else is asked of stays.
      if (asked.method === 'delete' && asked.path === '/api/apps/{id}' && asked.inPath.id === app.id) {
        asked.inPath.id = doomed.id;
      }
      const path = asked.path.replace(/\{(\w+)\}/g, (_all, name: string) => encode(asked.inPath[name]) || 'x');
      const query = Object.entries(asked.inQuery).map(([name, value]) => `${name}=${encode(value)}`);
      const collects = asked.path.includes('/collect') || asked.path.endsWith('/self');
      const answer = await call(`${stack.url}${path}${query.length > 0 ? `?${query.join('&')}` : ''}`, {
        method: asked.method.toUpperCase(),
        ...(collects ? { key: both.apiKey } : { token: ann.accessToken }),
        body: asked.body === undefined ? undefined : asked.body,
      });
      const shown = `${asked.method} ${path}?${query.join('&')} ${JSON.stringify(asked.body)} → ${answer.status} ${JSON.stringify(answer.body)}`;
      if (answer.status >= 500) throw new Error(`5xx: ${shown}`);
      const listed = asked.operation.responses[answer.status];
      const named = listed?.$ref ? document.components.responses[listed.$ref.split('/').at(-1)!] : listed;
      if (!named) throw new Error(`The document names no ${answer.status}: ${shown}`);
      const type = answer.headers.get('content-type')?.split(';')[0];
      const schema = type && named.content?.[type]?.schema;
      if (type && !schema && answer.status !== 204) throw new Error(`The document names no ${type}: ${shown}`);
      if (schema) {
        const validate = ajv.compile(forAjv(schema));
        if (!validate(answer.body)) throw new Error(`${ajv.errorsText(validate.errors)}: ${shown}`);
      }
      return `${asked.method} ${asked.path} ${answer.status}`;
    };

    const seen = new Map<string, number>();
    // Many at a time: fast-check runs its properties one after another.
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (asked) => {
        for (const one of await Promise.all(asked.map((each) => send(each as Asked))))
          seen.set(one, (seen.get(one) ?? 0) + 1);
      }),
      { numRuns: Math.ceil(REQUESTS / AT_ONCE), endOnFailure: true },
    );
    const good = [...seen].filter(([what]) => / 20\d$/.test(what));
    // It must not be all refusals: most operations were also answered as they are meant to be.
    expect(good.length).toBeGreaterThan(operations.length / 2);
    expect((await call(`${stack.url}/health`)).status).toBe(200);
  }, 240_000);
});

/** Of the formats that the document names, the one whose answers are checked. */
const FORMATS = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  uuid: true,
  uri: true,
  email: true,
  ip: true,
} as const;

interface Asked {
  method: string;
  path: string;
  operation: Operation;
  inPath: Record<string, unknown>;
  inQuery: Record<string, unknown>;
  body: unknown;
}

function encode(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return encodeURIComponent(text.toWellFormed());
}

/** OpenAPI 3.0 says `nullable` where JSON Schema lists null as a type. */
function forAjv(schema: Schema): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components', 'doc#/components')) as object;
}

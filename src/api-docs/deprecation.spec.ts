import type { OpenAPIObject } from '@nestjs/swagger';
import { fastify as createServer } from 'fastify';
import { describeDeprecations, sendDeprecations } from './deprecation.js';

const DAY = '2026-12-01';
const TIME = Date.UTC(2026, 11, 1) / 1000;
const mark = (day = DAY): object => ({ deprecated: true, 'x-deprecated-since': '0.3.0', 'x-deprecated-at': day });
const json = (schema: object): object => ({ content: { 'application/json': { schema } } });

/** Of routes whose answers are the given schema, each beside one that has nothing to do with it. */
function documentOf(schema: object, schemas: Record<string, object> = {}): OpenAPIObject {
  const text = { type: 'object', properties: { id: { type: 'string' } } };
  return {
    paths: {
      '/api/apps/{id}/users/{userId}': {
        get: { responses: { 200: json(schema), 404: json(text) } },
        delete: { responses: { 202: json(text) } },
      },
      '/api/apps': { get: { responses: { 200: json(text), 400: json({ properties: { old: mark() } }) } } },
    },
    components: { schemas },
  } as unknown as OpenAPIObject;
}

const ROUTE = 'GET /api/apps/:id/users/:userId';

test.each<[where: string, schema: object, schemas?: Record<string, object>]>([
  ['in the answer itself', { properties: { old: mark() } }],
  ['in a list', { properties: { data: { items: { properties: { old: mark() } } } } }],
  ['behind a reference', { $ref: '#/components/schemas/A' }, { A: { properties: { old: mark() } } }],
  ['one of several', { oneOf: [{ type: 'string' }, { allOf: [{ properties: { old: mark() } }] }] }],
  ['by any name', { additionalProperties: { properties: { old: mark() } } }],
  [
    'in a schema that contains itself',
    { $ref: '#/components/schemas/A' },
    { A: { properties: { inner: { $ref: '#/components/schemas/A' }, old: mark() } } },
  ],
  ['the first of several', { properties: { older: mark(), newer: mark('2027-01-01') } }],
])('finds the route whose answer has a deprecated field: %s', (_where, schema, schemas = {}) => {
  const document = documentOf(schema, schemas);
  expect([...describeDeprecations(document)]).toEqual([[ROUTE, TIME]]);
  const { get, delete: other } = document.paths['/api/apps/{id}/users/{userId}']!;
  expect(get!.responses).toMatchObject({ 200: { headers: { Deprecation: { schema: { example: `@${TIME}` } } } } });
  expect(get!.responses[404]).not.toHaveProperty('headers');
  expect(other!.responses[202]).not.toHaveProperty('headers');
});

test('finds an operation that is deprecated itself', () => {
  const document = documentOf({ type: 'object' });
  Object.assign(document.paths['/api/apps']!.get!, mark());
  expect([...describeDeprecations(document)]).toEqual([['GET /api/apps', TIME]]);
});

test('refuses a mark without its day', () => {
  const document = documentOf({ properties: { old: { deprecated: true } } });
  expect(() => describeDeprecations(document)).toThrow('@Deprecated()');
});

test('sends the header with successful answers of these routes', async () => {
  const server = createServer();
  sendDeprecations(server, new Map([[ROUTE, TIME]]));
  server.get('/api/apps/:id/users/:userId', (request, reply) =>
    reply.code((request.params as { id: string }).id === 'none' ? 404 : 200).send({}),
  );
  server.delete('/api/apps/:id/users/:userId', () => ({}));
  const header = async (method: 'GET' | 'HEAD' | 'DELETE', url: string): Promise<unknown> =>
    (await server.inject({ method, url })).headers.deprecation;
  expect(await header('GET', '/api/apps/1/users/ann')).toBe('@1796083200');
  expect(await header('HEAD', '/api/apps/1/users/ann')).toBe('@1796083200');
  expect(await header('GET', '/api/apps/none/users/ann')).toBeUndefined();
  expect(await header('HEAD', '/api/apps/none/users/ann')).toBeUndefined();
  expect(await header('DELETE', '/api/apps/1/users/ann')).toBeUndefined();
  await server.close();
});

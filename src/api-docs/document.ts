import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { addErrorComponents, addResponses } from './error-responses.js';
import { type CorrectedSchema, correctSchema } from './schema-types.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'post', 'patch', 'put', 'delete'] as const;

const DESCRIPTION = `Event analytics on MySQL and Redis. An event that was answered **202** is counted exactly once.

**Two tokens.** People sign in with Google and use the *user token* (cookie or \`Authorization: Bearer\`). Programs use the
*analytics token*, an API key (\`x-api-key\`, \`Authorization: Bearer\`, or \`apiKey\` in the body of collect).

**Sending again.** A 503, a timeout or a broken connection means *unknown*: send the event again with the same \`eventId\` and
\`timestamp\` (or with an \`eventId\` that is a UUIDv7 and no \`timestamp\`). It is answered with the same \`id\` and counted once.

**Visitors.** An event without \`userId\` and \`anonymousId\` gets a cookieless id that lasts for the day in the app's
time zone: such a visitor counts once a day.

**Errors** are \`application/problem+json\` (RFC 9457) with a stable \`code\`. \`errors\` names every field that is wrong.
Field names are also taken in snake_case.

**In a web page** post to \`/api/ingest\` and read from \`/api/reports/…\`: content blockers stop \`/api/analytics/…\`, which
answers the same.`;

/** The licence of the product, as in LICENSE. */
const LICENSE = { name: 'MIT', url: 'https://opensource.org/license/mit' };

/**
 * The OpenAPI document, made from controllers and DTOs. What all routes share is added here: errors, headers, the server.
 * @param publicUrl PUBLIC_URL: the server that the document names
 */
export function createDocument(app: NestFastifyApplication, version: string, publicUrl: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Tallystone')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setLicense(LICENSE.name, LICENSE.url)
    .addServer(publicUrl)
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of a signed-in person' },
      'userToken',
    )
    .addApiKey({ type: 'apiKey', in: 'header', name: 'x-api-key', description: 'An API key' }, 'analyticsToken')
    .addTag('Sign-in', 'Sign in and out, and see your account')
    .addTag('Apps', 'Web sites and mobile apps to count')
    .addTag('API keys', 'Keys for programs')
    .addTag('Collect', 'Post events')
    .addTag('Analytics', 'Read numbers')
    .addTag('Dead letters', 'Events that were accepted and could not be stored')
    .addTag('Privacy', 'Export and erase a person')
    .addTag('Operation', 'The state of the installation')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
  });
  document.components ??= {};
  for (const schema of Object.values(document.components.schemas ?? {})) correctSchema(schema as CorrectedSchema);
  addErrorComponents(document.components);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) complete(operation, method, path);
    }
  }
  return document;
}

function complete(operation: Operation, method: string, path: string): void {
  // One handler at two addresses: Nest numbers the operations.
  operation.operationId =
    path === '/api/apps' && method === 'post' ? 'createApp' : operation.operationId?.replace(/\[\d+\]$/, '');
  describe(operation);
  // Explicit where there is none, so that nobody takes it for forgotten.
  operation.security ??= [{}];
  for (const parameter of operation.parameters ?? []) {
    if ('schema' in parameter && parameter.schema) correctSchema(parameter.schema as CorrectedSchema, parameter.name);
  }
  addResponses(method, path, operation);
}

/** Nest takes the whole comment of a handler as the summary. Its first sentence is the summary, the rest explains it. */
function describe(operation: Operation): void {
  const text = (operation.summary ?? '').replace(/\s+/g, ' ').trim();
  const [first = ''] = /^.*?[.?](?=\s|$)/.exec(text) ?? [text];
  operation.summary = first.replace(/\.$/, '');
  operation.description = text.slice(first.length).trim() || text;
}

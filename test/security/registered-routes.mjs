// Loaded into an API process before all else (NODE_OPTIONS=--import): appends every route that Fastify registers to the
// file named in ROUTES_FILE, so that tests know the routes from the server itself.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';

subscribe('fastify.initialization', (message) => {
  const { fastify } = /** @type {{ fastify: import('fastify').FastifyInstance }} */ (message);
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) appendFileSync(process.env.ROUTES_FILE ?? '', `${one} ${url}\n`);
  });
});

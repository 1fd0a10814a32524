// Loaded into an API process before all else (NODE_OPTIONS=--import): a second ingest format, known to this file alone, and its
// route POST /api/tiny. Its bodies are {"k": KEY, "at": MS, "v": [NAME, …]}. The product's own code stays as it is, but for a
// delay: a body's "slow" and the header x-slow-key make the format's parse, and each check of the key, take that many ms longer.
import 'reflect-metadata';
import { KeyAuthenticator } from '#dist/access/key-authenticator.js';
import { CollectModule } from '#dist/collect/collect.module.js';
import { CollectRoute } from '#dist/collect/collect-route.decorator.js';
import { CollectService } from '#dist/collect/collect.service.js';
import { Events } from '#dist/collect/parse.pipe.js';
import { InvalidInputError } from '#dist/common/app-error.js';
import { takeKey } from '#dist/common/presented-token.js';
import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

// What these declare is on every request; without them its types are not complete.
/** @typedef {typeof import('#dist/common/visitor-address.js').setUpVisitorAddress} Addresses */
/** @typedef {import('#dist/http-server.js').HttpSettings} Cookies */

/**
 * @param {unknown} body
 * @returns {{ k?: unknown, at?: number, v?: unknown, slow?: number }}
 */
const fieldsOf = (body) => (body !== null && typeof body === 'object' ? body : {});

/** Keeps the process busy. @param {number} ms */
const spend = (ms) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

const { authenticate } = KeyAuthenticator.prototype;
KeyAuthenticator.prototype.authenticate = function (token, request) {
  spend(Number(request.headers['x-slow-key'] ?? 0));
  return authenticate.call(this, token, request);
};

/** @type {import('#dist/collect/ingest-format.js').IngestFormat<{ ok: number, bad: number[] }>} */
export const TINY = {
  keyFields: ['k'],
  eventsField: 'v',
  maxEvents: 3,
  parse: (body) => {
    const fields = fieldsOf(body);
    const { at: sentAt, v, slow = 0 } = fields;
    spend(slow);
    return { key: takeKey(fields, ['k']), sentAt, events: Array.isArray(v) ? v : [] };
  },
  check: (body) => {
    if (!Array.isArray(fieldsOf(body).v)) {
      throw new InvalidInputError([{ field: 'v', message: 'must be a list of names' }]);
    }
  },
  event: (entry) => {
    if (entry === 'fault') throw new Error('A fault of the format');
    if (typeof entry !== 'string') throw new InvalidInputError([{ field: 'name', message: 'must be text' }]);
    return { event: entry, anonymousId: 'somebody', ipAddress: '198.51.100.7', metadata: { browser: 'Tiny' } };
  },
  answer: ({ accepted, rejected }) => ({ ok: accepted.length, bad: rejected.map(({ index }) => index) }),
};

class TinyBody {}

class TinyController {
  /** @param {CollectService} collectService */
  constructor(collectService) {
    this.collectService = collectService;
  }

  /** @param {import('#dist/collect/parse.pipe.js').IngestEvents} events */
  collectTiny(events) {
    return this.collectService.collect(events);
  }
}
const route = { ...Object.getOwnPropertyDescriptor(TinyController.prototype, 'collectTiny') };
for (const decorator of [Post('tiny'), HttpCode(200), CollectRoute(TINY, TinyBody)]) {
  decorator(TinyController.prototype, 'collectTiny', route);
}
Events()(TinyController.prototype, 'collectTiny', 0);
Reflect.defineMetadata('design:paramtypes', [CollectService], TinyController);
for (const decorator of [ApiTags('Collect'), Controller('api')]) decorator(TinyController);
const controllers = Reflect.getMetadata('controllers', CollectModule);
Reflect.defineMetadata('controllers', [...controllers, TinyController], CollectModule);

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Env } from '../config/env.js';
import { addressOfHop, canonicalAddress, forwardedFor } from './addresses.js';
import { trustedProxies } from './trusted-proxies.js';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Who sent it, in canonical spelling: what is hashed, stored and limited. Not Fastify's `ip`, which takes what a proxy
     * writes as it is, with a port or in quotes.
     */
    visitorAddress: string;
  }
}

const ADDRESSES_REMEMBERED = 1000;

/** Gives every request its `visitorAddress`. */
export function setUpVisitorAddress(app: NestFastifyApplication, env: Env): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const addressOf = visitorAddresses(env);
  fastify.decorateRequest('visitorAddress', '');
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.visitorAddress = addressOf(request);
    done();
  });
}

/** Tells who sent a request, see {@link visitorAddress}, by TRUSTED_PROXIES. */
export function visitorAddresses(env: Env): (request: Pick<FastifyRequest, 'headers' | 'raw'>) => string {
  const trusts = remembered(trustedProxies(env));
  return (request) => visitorAddress(request, trusts);
}

/**
 * From the connection's own address back along the proxies, as long as they are trusted. A hop that is no address ends the way
 * at the proxy that wrote it: nobody gets a new address by making up a text. Most proxies set X-Forwarded-For and pass on
 * what a client sends as Forwarded, so Forwarded counts only where X-Forwarded-For is missing.
 */
export function visitorAddress(
  { headers, raw }: Pick<FastifyRequest, 'headers' | 'raw'>,
  trusts: (address: string) => boolean,
): string {
  let address = canonicalPeer(raw.socket.remoteAddress ?? '');
  if (!trusts(address)) return address;
  const hops = hopsOf(headers);
  for (let i = hops.length - 1; i >= 0; i -= 1) {
    const before = addressOfHop(hops[i]!);
    if (before === undefined) return address;
    address = before;
    if (i > 0 && !trusts(address)) return address;
  }
  return address;
}

const canonicalPeer = remembered((peer) => canonicalAddress(peer) ?? peer);

/** Connections come from few proxies, and from each address many times; to read its bytes each time would be felt. */
function remembered<Answer>(find: (address: string) => Answer): (address: string) => Answer {
  const known = new Map<string, Answer>();
  return (address) => {
    let answer = known.get(address);
    if (answer === undefined) {
      if (known.size >= ADDRESSES_REMEMBERED) known.clear();
      known.set(address, (answer = find(address)));
    }
    return answer;
  };
}

/** What proxies wrote, the nearest last. */
function hopsOf(headers: FastifyRequest['headers']): string[] {
  const xForwardedFor = headers['x-forwarded-for'];
  if (xForwardedFor !== undefined) return String(xForwardedFor).split(',').filter(isText);
  return headers.forwarded === undefined ? [] : forwardedFor(headers.forwarded);
}

function isText(hop: string): boolean {
  return hop.trim() !== '';
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { headerToken } from '../common/presented-token.js';
import { tokenKind } from '../common/token-ring.js';
import { WindowCounts } from '../common/window-counts.js';
import { Env } from '../config/env.js';
import { UnknownSenders } from '../bodies/unknown-senders.js';
import { limitedNetworks } from '../registry/network.js';
import { KeyAuthenticator } from './key-authenticator.js';
import { SessionCheck } from './session-check.js';
import { SessionCookies } from './session-cookies.js';

/** A browser that opens a page asks for some twenty files at once: so many seconds' worth may come together. */
export const WINDOW_S = 5;

/** Routes under /api/ that ask for neither an API key nor a user token. */
export const OPEN_API_ROUTES: ReadonlySet<string> = new Set([
  '/api/auth/google',
  '/api/auth/google/callback',
  '/api/auth/refresh',
  '/api/auth/logout',
]);

/**
 * Limits the requests that an address may send without a good API key or sign-in. Counted by each process for itself, in
 * memory, before anything else is done for a request. A request that shows a credential counts only once that was refused.
 * While its address is over the limit, the credential is looked at first, and a good one is let in.
 */
@Injectable()
export class AnonymousRequests {
  /** Requests that an address may send in {@link WINDOW_S} seconds. */
  readonly limit: number;
  private readonly requests = new WindowCounts(WINDOW_S * 1000);
  /** Tokens with a good signature, each with a route that refused it: revoked, ended, or not made for that. */
  private readonly refused = new WindowCounts(WINDOW_S * 1000);
  /** Until then (`performance.now()`) some address is over the limit. */
  private someOverUntil = -Infinity;

  constructor(
    private readonly keys: KeyAuthenticator,
    private readonly sessions: SessionCheck,
    private readonly cookies: SessionCookies,
    private readonly unknown: UnknownSenders,
    env: Env,
  ) {
    this.limit = env.rateLimits.anonymous * WINDOW_S;
  }

  /**
   * Counts a request unless it may have a good credential.
   * @param keyInBody whether the route takes an API key in the body
   * @returns seconds after which to send it again; 0 for a request that may pass
   */
  waitS(request: FastifyRequest, keyInBody: boolean): number {
    const shows = this.shows(request, keyInBody);
    if (shows && performance.now() >= this.someOverUntil) return 0;
    const { visitorAddress } = request;
    if (shows && (!this.isFull(visitorAddress) || this.isGood(request, keyInBody))) return 0;
    const full = this.add(visitorAddress);
    if (full === undefined) return 0;
    // Pages that a signed-in person opens ask for no credential. They count for the person then.
    const account = shows ? undefined : this.accountOf(request);
    if (account !== undefined && this.requests.add(`account ${account}`) <= this.limit) return 0;
    return Math.max(1, Math.ceil(this.requests.msLeft(full) / 1000));
  }

  /**
   * Counts a request that showed a credential and was refused before its caller was known, unless the credential is good.
   * @param notLetIn whether the credential is why: it does not count as good for this route any more
   */
  noteRefused(request: FastifyRequest, keyInBody: boolean, notLetIn: boolean): void {
    if (!this.shows(request, keyInBody)) return;
    const token = this.tokenOf(request);
    if (token === undefined) {
      // The key was looked for in the body.
      if (!request.bodySender) this.add(request.visitorAddress);
      return;
    }
    const isGood = this.isGood(request, keyInBody);
    if (isGood && !notLetIn) return;
    this.add(request.visitorAddress);
    if (isGood) this.refused.add(withRoute(token, request));
  }

  /** @returns the network for which this is one too many */
  private add(address: string): string | undefined {
    // Those beyond the limit of a wide network fill no memory with their own names.
    return limitedNetworks(address).find(({ name, times }) => {
      const count = this.requests.add(name);
      if (count >= this.limit * times) {
        this.someOverUntil = Math.max(this.someOverUntil, performance.now() + this.requests.msLeft(name));
      }
      return count > this.limit * times;
    })?.name;
  }

  private isFull(address: string): boolean {
    return limitedNetworks(address).some(({ name, times }) => this.requests.count(name) >= this.limit * times);
  }

  /** Whether a request comes with something that may be a credential, where one is asked for. */
  shows({ headers, method, routeOptions: { url } }: FastifyRequest, keyInBody: boolean): boolean {
    // A browser's preflight is answered whatever it says.
    if (keyInBody ? method !== 'POST' : !url?.startsWith('/api/') || OPEN_API_ROUTES.has(url)) return false;
    if (headers['x-api-key'] !== undefined || headers.authorization !== undefined) return true;
    return keyInBody ? hasBody(headers) : !!headers.cookie?.includes(`${this.cookies.session}=`);
  }

  /** A key in a body is looked at when the body is there: see UnknownSenders for how many there may be that have none. */
  private isGood(request: FastifyRequest, keyInBody: boolean): boolean {
    const shown = headerToken(request);
    if (!shown && keyInBody) return hasBody(request.headers) && !this.unknown.isFull(request.visitorAddress);
    const token = shown?.token ?? this.cookie(request);
    if (token === undefined || this.refused.count(withRoute(token, request)) > 0) return false;
    if (shown?.source !== 'x-api-key' && tokenKind(token) === 'user')
      return this.sessions.accountOf(token) !== undefined;
    return shown !== undefined && this.keys.admits(token, request);
  }

  private accountOf(request: FastifyRequest): string | undefined {
    const token = this.tokenOf(request);
    return token === undefined ? undefined : this.sessions.accountOf(token);
  }

  private tokenOf(request: FastifyRequest): string | undefined {
    return headerToken(request)?.token ?? this.cookie(request);
  }

  /** Cookies are not parsed yet. */
  private cookie({ headers: { cookie }, server }: FastifyRequest): string | undefined {
    return cookie === undefined ? undefined : server.parseCookie(cookie)[this.cookies.session];
  }
}

function hasBody(headers: FastifyRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function withRoute(token: string, { method, routeOptions: { url } }: FastifyRequest): string {
  return `${method} ${url} ${token}`;
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ForbiddenError } from '../common/app-error.js';
import type { Env } from '../config/env.js';

/** Names and flags of the cookies. On http the names end in the port, since cookies of one host are shared by its ports. */
export class SessionCookies {
  readonly session: string;
  readonly refresh: string;
  readonly flow: string;

  constructor(private readonly env: Env) {
    const port = new URL(env.publicUrl).port || String(env.port);
    const name = (part: string) => (env.https ? `__Host-tallystone_${part}` : `tallystone_${part}_${port}`);
    this.session = name('session');
    this.refresh = name('refresh');
    this.flow = name('flow');
  }

  set(reply: FastifyReply, name: string, value: string, maxAgeS: number): void {
    void reply.setCookie(name, value, { ...this.flags, maxAge: maxAgeS });
  }

  clear(reply: FastifyReply, ...names: string[]): void {
    for (const name of names) void reply.clearCookie(name, this.flags);
  }

  /**
   * A request that changes something by a cookie must come from our own pages (SameSite=Lax alone lets sibling hosts in).
   * @throws ForbiddenError
   */
  assertOwnOrigin(request: FastifyRequest): void {
    if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return;
    const { origin } = request.headers;
    if (origin === this.env.publicUrl) return;
    throw new ForbiddenError(
      'origin_not_allowed',
      `A request with a session cookie must come from ${this.env.publicUrl}. Programs send Authorization: Bearer instead.`,
    );
  }

  /** Path is / because the short paths /auth/… answer as well, and __Host- asks for it. */
  private get flags() {
    return { httpOnly: true, sameSite: 'lax', secure: this.env.https, path: '/' } as const;
  }
}

import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError, RateLimitedError, UnavailableError } from '../common/app-error.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { Env } from '../config/env.js';
import { RegistryService } from '../registry/registry.service.js';
import { ownPath } from './next-path.js';
import type { ProviderProfile } from './google.strategy.js';
import { SessionCookies } from '../access/session-cookies.js';
import type { FinishedFlow } from './sign-in-flow.store.js';
import { signInFailure } from './user.service.js';

/** Seconds a browser has to come back from the provider. */
const FLOW_S = 600;
/** The mark of a browser that was sent to PUBLIC_URL already. */
const SENT_MARK = 'sent';

type SignInQuery = Partial<Record<'next' | 'login_hint' | 'again' | 'code' | 'error' | typeof SENT_MARK, string>>;

/** Sign-ins a minute per address: so many may begin, and so many may come back from the provider. */
@Injectable()
export class SignInRateGuard implements CanActivate {
  private readonly limiter: RateLimiterRedis;

  constructor(
    redis: Redis,
    env: Env,
    private readonly registry: RegistryService,
  ) {
    const keyPrefix = `${env.redisKeyPrefix}rate:signin`;
    this.limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix, points: env.rateLimits.signin, duration: 60 });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      const request = context.switchToHttp().getRequest<FastifyRequest>();
      const name = this.registry.addressName(request.visitorAddress);
      await this.limiter.consume(isReturning(request) ? `return:${name}` : name);
      return true;
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) {
        throw new UnavailableError('sign_in_unavailable', 'Sign-in is not possible just now. Try again.', 5, rejection);
      }
      const waitS = Math.max(1, Math.ceil(rejection.msBeforeNext / 1000));
      throw new RateLimitedError(`Too many sign-ins from this address. Try again in ${waitS} s.`, waitS);
    }
  }
}

/**
 * A browser that begins on another host name than PUBLIC_URL's is sent there once: cookies and the provider's redirect
 * belong to that name. Marked and still different, some proxy rewrites Host: the sign-in goes on, with one warning.
 */
@Injectable()
export class PublicHostGuard implements CanActivate {
  private warned = false;

  constructor(
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const query = request.query as SignInQuery;
    if (request.headers.host?.toLowerCase() === new URL(this.env.publicUrl).host) return true;
    if (query[SENT_MARK] !== undefined) {
      if (!this.warned) {
        this.logger.warn(
          { notice: true },
          'Sign-ins arrive with another Host than that of PUBLIC_URL: let the proxy pass Host on (nginx: proxy_set_header Host $host)',
        );
      }
      this.warned = true;
      return true;
    }
    const to = new URL('/api/auth/google', this.env.publicUrl);
    for (const name of ['next', 'login_hint', 'again'] as const) {
      if (typeof query[name] === 'string') to.searchParams.set(name, query[name]);
    }
    to.searchParams.set(SENT_MARK, '1');
    throw new ElsewhereError(to.href);
  }
}

/** Not here but there: becomes a redirect. */
export class ElsewhereError extends AppError {
  constructor(location: string) {
    super(302, 'elsewhere', 'The sign-in goes on at another address.', { headers: { location } });
  }
}

/** Begins and ends the OAuth dance. Ends as `request.user` (ProviderProfile) and `request.signInFlow`. */
@Injectable()
export class GoogleGuard extends AuthGuard('google') {
  constructor(
    private readonly env: Env,
    private readonly cookies: SessionCookies,
  ) {
    super();
  }

  override canActivate(context: ExecutionContext): Promise<boolean> {
    if (!this.env.localSignIn && !this.env.google.clientId) {
      throw new UnavailableError(
        'sign_in_not_set_up',
        'Sign-in is not set up: set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET (docs/google.md), or use local sign-in at http://localhost.',
      );
    }
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const query = request.query as SignInQuery;
    const returning = isReturning(request);
    if (returning && !query.code && !query.error) throw stateFailure();
    request.signInFlow = {
      cookie: request.cookies[this.cookies.flow],
      next: ownPath(query.next),
      wantsJson: wantsJson(request),
      keep: (flow) => this.cookies.set(reply, this.cookies.flow, flow, FLOW_S),
    };
    const answer = super.canActivate(context) as Promise<boolean>;
    // The beginning ends in a redirect, of which passport tells nobody.
    if (!returning) return answer;
    this.cookies.clear(reply, this.cookies.flow);
    return this.inTime(answer);
  }

  /** A provider that takes the connection and says nothing would otherwise keep the person waiting for ever. */
  private async inTime(answer: Promise<boolean>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(signInFailure(new Error('No answer in time'))), this.env.signInTimeoutMs);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  override getAuthenticateOptions(context: ExecutionContext) {
    const { login_hint: loginHint, again } = context.switchToHttp().getRequest<FastifyRequest>().query as SignInQuery;
    return {
      session: false,
      prompt: this.prompt(again !== undefined),
      ...(typeof loginHint === 'string' ? { loginHint } : {}),
      // Left to the provider: Google ignores it. The stand-in asks for a person each time anyway.
      ...(again !== undefined && !this.env.localSignIn ? { maxAge: 0 } : {}),
    } as never;
  }

  /** @param again whether the person has to prove anew who they are */
  private prompt(again: boolean): string {
    // The stand-in asks for a person each time.
    if (this.env.localSignIn) return 'login';
    // Google refuses `login`. Of what it knows, choosing the account comes nearest, and people who share a browser need it.
    const isGoogle = this.env.google.authorizationUrl === undefined;
    return again && !isGoogle ? 'login' : 'select_account';
  }

  /** passport speaks to Node's response; through this its redirects keep what Fastify has to add (cookies, headers). */
  getResponse(context: ExecutionContext) {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return {
      set statusCode(code: number) {
        void reply.code(code);
      },
      setHeader: (name: string, value: string) => void reply.header(name, value),
      end: (body?: string) => void reply.send(body ?? ''),
    };
  }

  override handleRequest<T = ProviderProfile>(
    error: unknown,
    user: T | false,
    info: { state?: FinishedFlow } | undefined,
    context: ExecutionContext,
    status?: number,
  ): T {
    if (error) throw signInFailure(error);
    // 403 is what passport-oauth2 says of a state that its store does not know.
    if (!user && status === 403) throw stateFailure();
    if (!user || !info?.state) {
      throw new AppError(400, 'sign_in_cancelled', 'The sign-in was cancelled. Begin again when you like.');
    }
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    Object.assign(request.signInFlow!, { next: info.state.next, wantsJson: info.state.wantsJson });
    return user;
  }
}

function isReturning({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.endsWith('/callback') ?? false;
}

function stateFailure(): AppError {
  return new AppError(
    400,
    'sign_in_state',
    'This sign-in was begun in another browser, was used already, or took longer than 10 minutes. Begin again.',
  );
}

/** Programs say so; browsers name text/html first. */
export function wantsJson(request: Pick<FastifyRequest, 'headers'>): boolean {
  const accept = request.headers.accept ?? '';
  return accept.includes('application/json') && !accept.includes('text/html');
}

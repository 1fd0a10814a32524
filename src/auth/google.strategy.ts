import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-google-oauth20';
import { UnavailableError } from '../common/app-error.js';
import { canonicalDomain } from '../config/email-address.js';
import { Env } from '../config/env.js';
import { localProvider } from './local-sign-in/local-provider-urls.js';
import { SignInFlowStore } from './sign-in-flow.store.js';

/** What the provider says of a person. */
export interface ProviderProfile {
  provider: 'google' | 'local';
  subject: string;
  email?: string;
  emailVerified: boolean;
  /** The Workspace domain that Google vouches for (`hd`), as DNS compares it. Empty: none. */
  domain: string;
  name?: string;
  /** When the person last proved who they are, where the provider tells (`auth_time`). */
  authenticatedAt?: Date;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** A sign-in under way: set by the guards, read by the strategy's store, which passport gives only the request. */
    signInFlow?: { cookie?: string; next: string; wantsJson: boolean; keep: (flow: string) => void };
  }
}

/** Claims as they came, of whatever type. */
interface GoogleProfile {
  id: unknown;
  _json: { email?: unknown; email_verified?: unknown; hd?: unknown; name?: unknown };
}

/** OpenID Connect Core 2: at most 255 ASCII characters. Spaces are none: MySQL would take `a` and `a ` for one person. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;
const EMAIL_MAX = 320;

/** passport-oauth2 hands over the token answer as well where its callback has this many parameters. */
const VERIFY_ARITY = 5;

/** Sign-in with Google (or the stand-in that speaks the same language), with state and PKCE. */
@Injectable()
export class GoogleStrategy extends PassportStrategy(Strategy, 'google', VERIFY_ARITY) {
  constructor(
    private readonly env: Env,
    flows: SignInFlowStore,
  ) {
    super({ ...client(env), scope: ['openid', 'email', 'profile'], pkce: 'S256', store: stateStore(flows) } as never);
    // Its default puts the access token into the query, where logs see it, and which oidc-provider refuses.
    const oauth2 = (this as unknown as OAuth2Strategy)._oauth2;
    oauth2.useAuthorizationHeaderforGET(true);
    oauth2._request = onlyObjects(oauth2._request.bind(oauth2));
  }

  /**
   * What passport keeps of the person; deciding whether to let them in is the service's part.
   * @throws UnavailableError where the provider does not say who it is
   */
  validate(
    _accessToken: string,
    _refreshToken: string,
    { id_token: idToken }: { id_token?: unknown },
    profile: GoogleProfile,
  ): ProviderProfile {
    const { email, email_verified: verified, hd, name } = profile._json;
    if (typeof profile.id !== 'string' || !SUBJECT.test(profile.id)) {
      throw new UnavailableError('sign_in_unavailable', 'The sign-in provider does not say who you are. Try again.');
    }
    return {
      provider: this.env.localSignIn ? 'local' : 'google',
      subject: profile.id,
      email: typeof email === 'string' && email.length <= EMAIL_MAX ? email : undefined,
      domain: (typeof hd === 'string' && canonicalDomain(hd)) || '',
      emailVerified: verified === true || verified === 'true',
      name: typeof name === 'string' ? name : undefined,
      authenticatedAt: authenticationTime(idToken, profile.id),
    };
  }

  /** Adds what the library does not know: `maxAge`, seconds since the person last proved who they are. */
  override authorizationParams(options: { maxAge?: number }): Record<string, unknown> {
    const known = (Strategy.prototype as unknown as WithParams).authorizationParams.call(this, options);
    return options.maxAge === undefined ? known : { ...known, max_age: options.maxAge };
  }
}

function client(env: Env) {
  const callbackURL = `${env.publicUrl}/api/auth/google/callback`;
  if (env.localSignIn) {
    const local = localProvider(env);
    return {
      clientID: local.clientId,
      clientSecret: local.clientSecret,
      callbackURL,
      authorizationURL: local.authorizationUrl,
      tokenURL: local.tokenUrl,
      userProfileURL: local.userinfoUrl,
    };
  }
  const { clientId, clientSecret, authorizationUrl, tokenUrl, userinfoUrl } = env.google;
  return {
    // Without a client the guards answer before the strategy is asked.
    clientID: clientId ?? 'none',
    clientSecret: clientSecret ?? 'none',
    callbackURL,
    ...(authorizationUrl ? { authorizationURL: authorizationUrl } : {}),
    ...(tokenUrl ? { tokenURL: tokenUrl } : {}),
    ...(userinfoUrl ? { userProfileURL: userinfoUrl } : {}),
  };
}

interface WithParams {
  authorizationParams(options: object): Record<string, unknown>;
}

/**
 * `auth_time` of an ID token. It came straight from the token endpoint, so its signature need not be checked (OpenID
 * Connect Core 3.1.3.7). Google's tells none.
 * @returns undefined where the token tells none, or is another person's
 */
function authenticationTime(idToken: unknown, subject: string): Date | undefined {
  if (typeof idToken !== 'string') return undefined;
  try {
    const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString();
    const { sub, auth_time: seconds } = JSON.parse(payload) as { sub?: unknown; auth_time?: unknown };
    if (sub !== subject || typeof seconds !== 'number' || !(seconds >= 0)) return undefined;
    // The provider's clock may be ahead of ours.
    return new Date(Math.min(seconds * 1000, Date.now()));
  } catch {
    return undefined;
  }
}

/** What passport-oauth2 keeps under this name, see its docs on `_oauth2`. */
interface OAuth2Strategy {
  _oauth2: { useAuthorizationHeaderforGET(use: boolean): void; _request: OAuth2Request };
}

type Answered = (error: unknown, body?: string, response?: unknown) => void;
type OAuth2Request = (...asked: [...unknown[], answered: Answered]) => void;

/**
 * The library reads fields of whatever JSON it gets, in a callback that nobody catches: an answer of `null` would end the
 * process. So what is no JSON object is an error before it reads.
 */
function onlyObjects(request: OAuth2Request): OAuth2Request {
  return (...asked) => {
    const answered = asked.pop() as Answered;
    request(...(asked as unknown[]), (error, body, response) => {
      if (error || isObject(body)) answered(error, body, response);
      else answered(new Error('The sign-in provider answered no JSON object'));
    });
  };
}

function isObject(body: unknown): boolean {
  try {
    const value: unknown = JSON.parse(String(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

type Done = (error: unknown, value?: unknown, state?: unknown) => void;

/** passport-oauth2 tells stores by the number of their parameters: five for store, four for verify. */
function stateStore(flows: SignInFlowStore) {
  return {
    store(request: FastifyRequest, verifier: string, _state: unknown, _meta: unknown, done: Done): void {
      const { next, wantsJson, keep } = request.signInFlow!;
      flows
        .begin(verifier, next, wantsJson)
        .then(({ flow, state }) => {
          keep(flow);
          done(null, state);
        })
        .catch(done);
    },
    verify(request: FastifyRequest, state: string, _meta: unknown, done: Done): void {
      flows
        .finish(request.signInFlow?.cookie, state)
        .then((finished) => (finished ? done(null, finished.verifier, finished) : done(null, false)))
        .catch(done);
    },
  };
}

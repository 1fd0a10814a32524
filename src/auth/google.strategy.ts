import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-google-oauth20';
import { Env } from '../config/env.js';
import { localProvider } from './local-sign-in/local-provider-urls.js';
import { SignInFlowStore } from './sign-in-flow.store.js';

/** What the provider says of a person. */
export interface ProviderProfile {
  provider: 'google' | 'local';
  subject: string;
  email?: string;
  emailVerified: boolean;
  name?: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** A sign-in under way: set by the guards, read by the strategy's store, which passport gives only the request. */
    signInFlow?: { cookie?: string; next: string; wantsJson: boolean; keep: (flow: string) => void };
  }
}

interface GoogleProfile {
  id: string;
  _json: { email?: string; email_verified?: boolean | string; name?: string };
}

/** Sign-in with Google (or the stand-in that speaks the same language), with state and PKCE. */
@Injectable()
export class GoogleStrategy extends PassportStrategy(Strategy, 'google') {
  constructor(
    private readonly env: Env,
    flows: SignInFlowStore,
  ) {
    super({ ...client(env), scope: ['openid', 'email', 'profile'], pkce: 'S256', store: stateStore(flows) } as never);
    // Its default puts the access token into the query, where logs see it, and which oidc-provider refuses.
    (this as unknown as OAuth2Strategy)._oauth2.useAuthorizationHeaderforGET(true);
  }

  /** What passport keeps of the person; deciding whether to let them in is the service's part. */
  validate(_accessToken: string, _refreshToken: string, profile: GoogleProfile): ProviderProfile {
    const { email, email_verified: verified, name } = profile._json;
    return {
      provider: this.env.localSignIn ? 'local' : 'google',
      subject: profile.id,
      email,
      emailVerified: verified === true || verified === 'true',
      name,
    };
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

/** What passport-oauth2 keeps under this name, see its docs on `_oauth2`. */
interface OAuth2Strategy {
  _oauth2: { useAuthorizationHeaderforGET(use: boolean): void };
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

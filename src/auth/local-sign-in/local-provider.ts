import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, interactionPolicy, Provider, type Configuration } from 'oidc-provider';
import { escapeHtml, page } from '../../common/page.js';
import { notFoundPage, takesHtml } from '../../common/problem-page.js';
import type { Env } from '../../config/env.js';
import { localProvider, LOCAL_SIGN_IN_PATH } from './local-provider-urls.js';

interface Person {
  email: string;
  name: string;
}

/** People who signed in here lately: the token exchange asks for them seconds later. */
const PEOPLE_MAX = 1000;

/**
 * The stand-in for Google on a developer's machine: a real OpenID provider (oidc-provider) that believes any name and
 * e-mail. Its state is in memory; a sign-in takes seconds, and our own sessions do not depend on it.
 */
export class LocalProvider {
  private readonly provider: Provider;
  private readonly people = new Map<string, Person>();

  constructor(env: Env) {
    const local = localProvider(env);
    this.provider = new Provider(local.issuer, this.configuration(local.clientId, local.clientSecret, env));
    // Behind /local-sign-in; addresses are made from the issuer's origin below.
    this.provider.proxy = false;
    // It would open its keys and its discovery to every web page; only this server asks for them.
    this.provider.use(async (context, next) => {
      await next();
      for (const name of Object.keys(context.response.headers)) {
        if (name.startsWith('access-control-')) context.remove(name);
      }
      if (context.status === 404 && !context.body && takesHtml(context.get('accept'))) {
        context.status = 404;
        context.type = 'html';
        context.body = notFoundPage(LOCAL_SIGN_IN_PATH + context.path, context.response.get('x-request-id'));
      }
    });
  }

  /** Answers everything under /local-sign-in but the sign-in page. @param path of the request within it */
  handle(request: IncomingMessage, response: ServerResponse, path: string): void {
    Object.assign(request, { originalUrl: request.url });
    request.url = path;
    // Each sign-in begins anew: the provider would otherwise ask whether to sign out the person before.
    request.headers.cookie = (request.headers.cookie ?? '').replace(/(^|;\s*)_session(\.sig)?=[^;]*/g, '');
    void this.provider.callback()(request, response);
  }

  /** @returns what the page needs; undefined when the sign-in is over or belongs to another browser */
  async interaction(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ uid: string; loginHint?: string } | undefined> {
    try {
      const { uid, params } = await this.provider.interactionDetails(request, response);
      return { uid, loginHint: typeof params.login_hint === 'string' ? params.login_hint : undefined };
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  }

  /** Signs the person in. @returns the address to go on to */
  finish(request: IncomingMessage, response: ServerResponse, person: Person): Promise<string> {
    const accountId = createHash('sha256').update(person.email.toLowerCase()).digest('hex').slice(0, 32);
    this.people.delete(accountId);
    this.people.set(accountId, person);
    if (this.people.size > PEOPLE_MAX) this.people.delete(this.people.keys().next().value!);
    return this.provider.interactionResult(request, response, { login: { accountId, remember: false } });
  }

  private configuration(clientId: string, clientSecret: string, env: Env): Configuration {
    return {
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uris: [`${env.publicUrl}/api/auth/google/callback`],
          token_endpoint_auth_method: 'client_secret_post',
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
      pkce: { required: () => true },
      // passport reads OpenID profiles only at an address that ends so.
      routes: { userinfo: '/userinfo' },
      scopes: ['openid', 'email', 'profile'],
      claims: { openid: ['sub'], email: ['email', 'email_verified', 'hd'], profile: ['name'] },
      features: { devInteractions: { enabled: false } },
      interactions: {
        policy: interactionPolicy.base(),
        url: (_context, { uid }) => `${LOCAL_SIGN_IN_PATH}/interaction/${uid}`,
      },
      cookies: { keys: [randomBytes(32).toString('hex')], short: { path: '/' }, long: { path: '/' } },
      ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, AuthorizationCode: 60, IdToken: 600 },
      renderError: (context, { error, error_description: description }) => {
        context.type = 'html';
        context.body = page(
          'Sign-in failed',
          `<p>${escapeHtml(description ?? error)}</p>\n<p><a href="/api/auth/google">Sign in again</a></p>`,
        );
      },
      findAccount: (_context, accountId) => {
        const person = this.people.get(accountId);
        if (!person) return undefined;
        const { email, name } = person;
        // As if every e-mail were of the Workspace of its domain: @domain entries work here as they do with Google.
        const hd = email.slice(email.lastIndexOf('@') + 1);
        return { accountId, claims: () => ({ sub: accountId, email, email_verified: true, hd, name }) };
      },
      // Nobody is asked to consent to what only this machine will see.
      async loadExistingGrant(context) {
        const grant = new context.oidc.provider.Grant({
          clientId: context.oidc.client!.clientId,
          accountId: context.oidc.session!.accountId,
        });
        grant.addOIDCScope('openid email profile');
        await grant.save();
        return grant;
      },
    };
  }
}

import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const CLIENT = { id: 'client-of-tests', secret: 'secret-of-tests' };

/** What a fault does to a request instead of the right answer. */
export type Fault = (response: ServerResponse) => void;

/**
 * Google as the product sees it, for one person at a time: codes that are good once, the client's secret and PKCE checked,
 * and claims of any shape. `faults` spoils an answer.
 */
export class OpenIdProvider {
  /** The claims of whoever signs in next. */
  claims: Record<string, unknown> = {};
  /** Claims of the ID token; undefined: it sends none. */
  idToken: unknown;
  faults: { token?: Fault; userinfo?: Fault } = {};
  private readonly codes = new Map<string, { challenge: string; claims: Record<string, unknown> }>();
  private readonly tokens = new Map<string, Record<string, unknown>>();

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.answer(request, response));
  }

  static async start(): Promise<OpenIdProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new OpenIdProvider(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What makes the product use it. */
  get variables(): Record<string, string> {
    return {
      GOOGLE_CLIENT_ID: CLIENT.id,
      GOOGLE_CLIENT_SECRET: CLIENT.secret,
      GOOGLE_AUTHORIZATION_URL: `${this.url}/auth`,
      GOOGLE_TOKEN_URL: `${this.url}/token`,
      GOOGLE_USERINFO_URL: `${this.url}/userinfo`,
    };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    if (pathname === '/auth') return this.authorize(searchParams, response);
    if (pathname === '/token') {
      const form = new URLSearchParams(await text(request));
      return this.faults.token ? this.faults.token(response) : this.exchange(form, response);
    }
    if (this.faults.userinfo) return this.faults.userinfo(response);
    const claims = this.tokens.get(request.headers.authorization?.replace('Bearer ', '') ?? '');
    return claims ? json(response, 200, claims) : json(response, 401, { error: 'invalid_token' });
  }

  private authorize(query: URLSearchParams, response: ServerResponse): void {
    const back = new URL(query.get('redirect_uri')!);
    back.searchParams.set('state', query.get('state') ?? '');
    if (query.get('code_challenge_method') === 'S256') {
      const code = randomBytes(16).toString('hex');
      this.codes.set(code, { challenge: query.get('code_challenge')!, claims: this.claims });
      back.searchParams.set('code', code);
    } else back.searchParams.set('error', 'invalid_request');
    response.writeHead(302, { location: back.href }).end();
  }

  private exchange(form: URLSearchParams, response: ServerResponse): void {
    const flow = this.codes.get(form.get('code') ?? '');
    this.codes.delete(form.get('code') ?? '');
    const known = form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret;
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!flow || !known || challenge !== flow.challenge) return json(response, 400, { error: 'invalid_grant' });
    const token = randomBytes(16).toString('hex');
    this.tokens.set(token, flow.claims);
    const payload = Buffer.from(JSON.stringify(this.idToken ?? null)).toString('base64url');
    const idToken = this.idToken === undefined ? {} : { id_token: `e30.${payload}.unsigned` };
    json(response, 200, { access_token: token, token_type: 'Bearer', expires_in: 600, ...idToken });
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

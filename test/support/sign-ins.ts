import { type Answer, call, type Signed } from './client.js';
import { OpenIdProvider } from './openid-provider.js';
import { type Stack, startStack } from './stack.js';

export const PUBLIC_HOST = 'stats.example.test';
export const FOREIGN = 'evil.example';
export const JSON_ONLY = { accept: 'application/json' };
export const PAGE = { accept: 'text/html,application/xhtml+xml' };

/** Claims of the person who signs in where a test names no other. */
export const ANN = {
  sub: 'sub-ann',
  email: 'ann@example.test',
  email_verified: true,
  hd: 'example.test',
  name: 'Ann',
};

/** A sign-in under way. */
export interface Flow {
  cookie: string;
  /** Where the provider sent the browser back to. */
  callback: URL;
}

/**
 * What tests of the sign-in share: an API with the stand-in, one with a provider like Google, and one of those as people
 * reach it by https.
 */
export class SignIns {
  private constructor(
    readonly stack: Stack,
    readonly provider: OpenIdProvider,
    readonly google: string,
    readonly https: string,
  ) {}

  static async start(): Promise<SignIns> {
    const provider = await OpenIdProvider.start();
    const stack = await startStack({ workers: 0 });
    const real = { ...provider.variables, SIGN_IN_TIMEOUT_MS: '1000' };
    const [google, https] = await Promise.all([
      stack.startApi({ ...real, SIGN_IN_ALLOW: '@example.test,guest@elsewhere.test' }),
      stack.startApi({ ...real, SIGN_IN_ALLOW: 'ann@example.test', PUBLIC_URL: `https://${PUBLIC_HOST}` }),
    ]);
    return new SignIns(stack, provider, google.url, https.url);
  }

  /** Address of the API with the stand-in. */
  get local(): string {
    return this.stack.url;
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    await this.provider.stop();
  }

  /** A sign-in up to the moment when the browser comes back. */
  async begun(claims: Record<string, unknown> = ANN, query = '', headers = JSON_ONLY): Promise<Flow> {
    this.provider.claims = claims;
    const started = await call(`${this.google}/api/auth/google${query}`, { headers });
    const cookie = started.headers.getSetCookie()[0]!.split(';')[0]!;
    const agreed = await call(started.headers.get('location')!);
    return { cookie, callback: new URL(agreed.headers.get('location')!) };
  }

  async signedIn(claims: Record<string, unknown> = ANN): Promise<Signed> {
    const answer = await comeBack(await this.begun(claims));
    if (answer.status !== 200) throw new Error(`Sign-in answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Rows of a table. */
  async count(table: string): Promise<number> {
    return Number((await this.stack.query<{ n: string }>(`SELECT COUNT(*) AS n FROM ${table}`))[0]!.n);
  }
}

/** The browser comes back from the provider. */
export function comeBack({ cookie, callback }: Flow, headers: Record<string, string> = JSON_ONLY): Promise<Answer> {
  return call(callback.href, { headers: { cookie, ...headers } });
}

export function me(url: string, token: string): Promise<Answer> {
  return call(`${url}/api/auth/me`, { token });
}

export function refresh(url: string, refreshToken: string): Promise<Answer> {
  return call(`${url}/api/auth/refresh`, { body: { refreshToken } });
}

/** Status and code, as in `401 key_revoked`. */
export function outcome({ status, body }: Answer): string {
  return `${status} ${body.code}`;
}

/** Cookies that were set with a value. */
export function setCookies(answer: Answer): string[] {
  return answer.headers.getSetCookie().filter((line) => !/^[^=]+=;/.test(line));
}

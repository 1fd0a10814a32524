/** What came back, with the body read. */
export interface Answer {
  status: number;
  headers: Headers;
  // Tests look into bodies of every shape.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface Signed {
  accessToken: string;
  refreshToken: string;
  user: { id: string; email: string };
  /** Cookies by name, as the browser would hold them. */
  cookies: Record<string, string>;
}

/** One request. A body that is no text is sent as JSON; redirects are not followed. */
export async function call(
  url: string,
  options: {
    method?: string;
    token?: string;
    key?: string;
    headers?: Record<string, string>;
    body?: unknown;
    signal?: AbortSignal;
  } = {},
): Promise<Answer> {
  const { method, token, key, headers = {}, body, signal } = options;
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const answer = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    redirect: 'manual',
    ...(signal ? { signal } : {}),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(key ? { 'x-api-key': key } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (raw ? body : JSON.stringify(body)) as string }),
  });
  // A stream of events goes on for ever.
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    await answer.body?.cancel();
    return { status: answer.status, headers: answer.headers, body: '' };
  }
  const text = await answer.text();
  const json = /[/+]json\b/.test(answer.headers.get('content-type') ?? '');
  return { status: answer.status, headers: answer.headers, body: json && text ? JSON.parse(text) : text };
}

/** A cookie jar that follows redirects, as curl -L -c -b does. */
export class Browser {
  readonly cookies: Record<string, string> = {};

  /** @returns the last answer, after every redirect */
  async open(url: string, headers: Record<string, string> = {}): Promise<Answer & { url: string }> {
    let at = url;
    for (let hops = 0; hops < 12; hops += 1) {
      const answer = await call(at, { headers: { cookie: this.cookieHeader, ...headers } });
      this.keep(answer.headers);
      const location = answer.headers.get('location');
      if (answer.status < 300 || answer.status >= 400 || !location) return { ...answer, url: at };
      at = new URL(location, at).href;
    }
    throw new Error(`Too many redirects, the last to ${at}`);
  }

  get cookieHeader(): string {
    return Object.entries(this.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
  }

  keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) delete this.cookies[name!];
      else this.cookies[name!] = value!;
    }
  }
}

/** Signs in by the stand-in, as curl would. */
export async function signIn(url: string, email = 'ann@example.test'): Promise<Signed> {
  const browser = new Browser();
  const answer = await browser.open(`${url}/api/auth/google?login_hint=${encodeURIComponent(email)}`, {
    accept: 'application/json',
  });
  if (answer.status !== 200) throw new Error(`Sign-in answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return { ...answer.body, cookies: browser.cookies };
}

/** A new app of the person, with its first key. */
export async function registerApp(
  url: string,
  { accessToken }: Pick<Signed, 'accessToken'>,
  app: Record<string, unknown> = {},
): Promise<{ id: string; apiKey: string; keyId: string }> {
  const { status, body } = await call(`${url}/api/apps`, { token: accessToken, body: { name: 'App', ...app } });
  if (status !== 201) throw new Error(`Register answered ${status}: ${JSON.stringify(body)}`);
  return { id: body.app.id, apiKey: body.apiKey, keyId: body.keyId };
}

/** Another key of an app. */
export async function createKey(
  url: string,
  { accessToken }: Pick<Signed, 'accessToken'>,
  key: Record<string, unknown>,
): Promise<{ apiKey: string; keyId: string; expiresAt: string | null }> {
  const { status, body } = await call(`${url}/api/auth/api-key`, { token: accessToken, body: key });
  if (status !== 201) throw new Error(`Create key answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

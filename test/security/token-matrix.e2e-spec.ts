import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPEN_API_ROUTES } from '../../src/access/anonymous-requests.js';
import { formatUuid, uuidV7 } from '../../src/events/event-id.js';
import { call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { forgeries } from './forged-tokens.js';

const USER_SECRET = 'the secret of user tokens which is long enough for this';
const KEY_SECRET = 'the secret of analytics tokens which is long enough for this';
const NOBODY = formatUuid(uuidV7(0));

/** Whose token a route takes. `reader`: a key with read, or a person. `keeper`: any key, or a person. */
type Who = 'anyone' | 'refresh' | 'user' | 'writer' | 'key' | 'reader' | 'keeper';

interface Place {
  who: Who;
  /** What a good request sends; ids are filled in for each caller. */
  body?: (ids: Ids) => unknown;
  /** Query or the values of path parameters. */
  query?: (ids: Ids) => string;
  /** Takes the session cookie and refuses a bearer token. */
  cookieOnly?: boolean;
}
interface Ids {
  app: string;
  key: string;
}

const event = () => ({ event: 'matrix' });
const anyone: Place = { who: 'anyone' };
const user: Place = { who: 'user' };
/** Of an account, which the id of an app is not. */
const operated: Place = { who: 'user', body: () => ({}) };

/** Every route that the server may have. One that is not here fails the test. */
const PLACES: Record<string, Place> = {
  'GET /health': anyone,
  'GET /ready': anyone,
  'GET /metrics': anyone,
  'GET /': anyone,
  'GET /event': anyone,
  'GET /event/': anyone,
  'GET /users': anyone,
  'GET /users/': anyone,
  'GET /live': anyone,
  'GET /live/': anyone,
  'GET /keys': anyone,
  'GET /keys/': anyone,
  'GET /ingest': anyone,
  'GET /ingest/': anyone,
  'GET /settings': anyone,
  'GET /settings/': anyone,
  'GET /start': anyone,
  'GET /start/': anyone,
  'GET /assets/*': anyone,
  'GET /api-docs': anyone,
  'GET /api-docs/': anyone,
  'GET /api-docs/swagger-ui/*': anyone,
  'GET /api-docs/page/*': anyone,
  'GET /api-docs-json': anyone,
  'GET /t.js': anyone,
  'GET /palette.css': anyone,
  'GET /pages.css': anyone,
  'GET /favicon.svg': anyone,
  'GET /favicon.ico': anyone,
  'GET /local-sign-in/interaction/:uid': anyone,
  'GET /local-sign-in/interaction/:uid/finish': anyone,
  // The rest of /local-sign-in is the stand-in's, behind a hook instead of a route: local-sign-in.e2e-spec.ts tries it.
  'GET /api/auth/google': anyone,
  'GET /api/auth/google/callback': anyone,
  'POST /api/auth/refresh': { who: 'refresh', body: () => ({}) },
  'POST /api/auth/logout': { who: 'refresh', body: () => ({}) },
  'POST /api/auth/token': { ...user, body: () => ({}), cookieOnly: true },
  'GET /api/auth/sessions': user,
  'DELETE /api/auth/sessions': user,
  'DELETE /api/auth/sessions/:id': user,
  'GET /api/auth/me': user,
  'DELETE /api/auth/me': user,
  'GET /api/auth/audit-log': user,
  'GET /api/operation': user,
  'GET /api/operation/accounts': user,
  'POST /api/operation/accounts/:id/lock': operated,
  'POST /api/operation/accounts/:id/unlock': operated,
  'POST /api/operation/accounts/:id/revoke-keys': operated,
  'POST /api/auth/register': { ...user, body: () => ({ name: 'Matrix' }) },
  'GET /api/auth/api-key': { ...user, query: ({ app }) => `?app_id=${app}` },
  'POST /api/auth/api-key': { ...user, body: ({ app }) => ({ appId: app }) },
  'POST /api/auth/api-key/reveal': { ...user, body: ({ key }) => ({ keyId: key }) },
  'GET /api/auth/api-key/self': { who: 'key' },
  'POST /api/auth/regenerate': { ...user, body: ({ key }) => ({ keyId: key }) },
  'POST /api/auth/revoke': { ...user, body: ({ key }) => ({ keyId: key }) },
  'POST /api/apps': { ...user, body: () => ({ name: 'Matrix' }) },
  'GET /api/apps': user,
  'GET /api/apps/:id': user,
  'PATCH /api/apps/:id': { ...user, body: () => ({ name: 'Matrix' }) },
  'DELETE /api/apps/:id': user,
  'GET /api/apps/:id/dead-letters': user,
  'POST /api/apps/:id/dead-letters/replay': { ...user, body: () => ({}) },
  'GET /api/apps/:id/users/:userId': user,
  'DELETE /api/apps/:id/users/:userId': user,
  'GET /api/erasures/:id': user,
  'POST /api/analytics/collect': { who: 'writer', body: event },
  'POST /api/analytics/collect/batch': { who: 'writer', body: () => ({ events: [event()] }) },
  'GET /api/analytics/event-summary': { who: 'reader' },
  'GET /api/analytics/events': { who: 'reader' },
  'GET /api/analytics/live': { who: 'reader' },
  'GET /api/analytics/export': { who: 'reader' },
  'GET /api/analytics/series': { who: 'reader' },
  'GET /api/analytics/breakdown': { who: 'reader', query: () => '?by=url' },
  'GET /api/analytics/users': { who: 'reader' },
  'GET /api/analytics/users/timeline': { who: 'reader', query: () => '?userId=ann' },
  'GET /api/analytics/user-stats': { who: 'reader', query: () => '?userId=ann' },
  'GET /api/analytics/events/:id/receipt': { who: 'keeper' },
};

/** Routes whose path, query or body names something that belongs to somebody. */
const NAMES_AN_ID = /:id|app_id=|"appId"|"keyId"/;

describe('every route with every kind of token', () => {
  let stack: Stack;
  let registered: string[];
  let ann: Signed;
  let bob: Signed;
  /** Tokens that are no good anywhere, by what is wrong with them. */
  let forged: { user: Record<string, string>; key: Record<string, string> };
  let keys: Record<'read' | 'write' | 'revoked' | 'ofDeletedApp', string>;
  let ids: Ids;
  let loggedOut: Signed;

  beforeAll(async () => {
    stack = await startStack({
      workers: 0,
      apis: 0,
      env: { USER_TOKEN_SECRET: USER_SECRET, KEY_TOKEN_SECRET: KEY_SECRET },
    });
    const file = join(stack.env.dataDir, 'routes');
    await stack.startApi({ NODE_OPTIONS: '--import ./test/security/registered-routes.mjs', ROUTES_FILE: file });
    // ClickHouse answers once a worker has seen that its copy is complete.
    const worker = await stack.startWorker();
    await stack.drained();
    await worker.stop();
    registered = [...new Set(readFileSync(file, 'utf8').trim().split('\n'))];
    [ann, bob, loggedOut] = [
      await signIn(stack.url),
      await signIn(stack.url, 'bob@x.test'),
      await signIn(stack.url, 'out@x.test'),
    ];
    const [app, doomed] = [await registerApp(stack.url, ann), await registerApp(stack.url, ann)];
    ids = { app: app.id, key: app.keyId };
    const revoked = await createKey(stack.url, ann, { appId: app.id, scopes: ['read', 'write'] });
    const read = await createKey(stack.url, ann, { appId: app.id, scopes: ['read'] });
    const ask = (path: string, body: unknown, method?: string) =>
      call(`${stack.url}${path}`, { token: ann.accessToken, body, method });
    await ask('/api/auth/revoke', { keyId: revoked.keyId });
    await ask(`/api/apps/${doomed.id}`, undefined, 'DELETE');
    await call(`${stack.url}/api/auth/logout`, { token: loggedOut.accessToken, body: {} });
    keys = { read: read.apiKey, write: app.apiKey, revoked: revoked.apiKey, ofDeletedApp: doomed.apiKey };
    forged = { user: forgeries(ann.accessToken, USER_SECRET), key: forgeries(read.apiKey, KEY_SECRET) };
  });
  afterAll(() => stack?.stop());

  /** Answers as `status code`. */
  const ask = async (route: string, place: Place, token: string | undefined, own = ids, header = 'bearer') => {
    const [method, template] = route.split(' ') as [string, string];
    const path = template
      .replace('/api/erasures/:id', `/api/erasures/${NOBODY}`)
      .replace(':id', own.app)
      .replace(/:\w+|\*/, 'x');
    const answer = await call(`${stack.url}${path}${place.query?.(own) ?? ''}`, {
      method,
      ...(header === 'bearer' ? { token } : { key: token }),
      body: place.body?.(own),
    });
    return `${answer.status} ${(answer.body as { code?: string }).code ?? ''}`.trim();
  };
  const placed = (...kinds: Who[]) => Object.entries(PLACES).filter(([, { who }]) => kinds.includes(who));

  test('every registered route has its place here, and every place its route', () => {
    const known = new Set(Object.keys(PLACES));
    const extra = registered.filter((route) => !/^(HEAD|OPTIONS) /.test(route) && !known.has(route));
    expect(extra).toEqual([]);
    expect([...known].filter((route) => !registered.includes(route))).toEqual([]);
    // The document lists all of /api and nothing else.
    expect(registered.filter((route) => /^OPTIONS /.test(route) && !/collect|\*/.test(route))).toEqual([]);
  });

  test('the limit of requests without a credential knows which routes ask for none', () => {
    const open = Object.entries(PLACES).filter(([, { who }]) => who === 'anyone' || who === 'refresh');
    const paths = open.map(([route]) => route.split(' ')[1]!).filter((path) => path.startsWith('/api/'));
    expect(new Set(paths)).toEqual(OPEN_API_ROUTES);
  });

  test('short paths answer the same', async () => {
    for (const [route, place] of placed('user', 'writer', 'key', 'reader', 'keeper')) {
      const short = route.replace(' /api/analytics/collect', ' /collect').replace(' /api/', ' /');
      if (!/ \/(collect|auth|analytics)/.test(short)) continue;
      expect([short, await ask(short, place, undefined)]).toEqual([short, '401 key_missing']);
    }
  });

  test('nothing that is guarded opens without a token, also not to HEAD', async () => {
    for (const [route, place] of placed('user', 'writer', 'key', 'reader', 'keeper')) {
      expect([route, await ask(route, place, undefined)]).toEqual([route, '401 key_missing']);
      if (!route.startsWith('GET ')) continue;
      const head = route.replace('GET', 'HEAD');
      expect([head, (await ask(head, place, undefined)).slice(0, 3)]).toEqual([head, '401']);
    }
  });

  test.each(['user', 'key'] as const)('forged %s tokens open nothing', async (kind) => {
    const wrongKind = { user: ['writer', 'key'], key: ['user'] }[kind];
    for (const [route, place] of placed('user', 'writer', 'key', 'reader', 'keeper')) {
      for (const [what, token] of Object.entries(forged[kind])) {
        // An API key without an end is a good one.
        if (kind === 'key' && what === 'no exp') continue;
        const answer = await ask(route, place, token);
        const says = answer.replace('401 ', '');
        const fits = [
          what === 'expired' ? 'key_expired' : 'key_malformed',
          ...(wrongKind.includes(place.who) ? ['wrong_token_kind'] : []),
        ];
        expect([route, what, answer.slice(0, 3), fits.includes(says) ? fits : says]).toEqual([
          route,
          what,
          '401',
          fits,
        ]);
      }
    }
  });

  test('a good token of the other kind, or a refresh token, is 401 wrong_token_kind', async () => {
    for (const [route, place] of placed('user')) {
      for (const token of [keys.read, keys.write, ann.refreshToken]) {
        expect([route, await ask(route, place, token)]).toEqual([route, '401 wrong_token_kind']);
        expect([route, await ask(route, place, token, ids, 'x-api-key')]).toEqual([route, '401 wrong_token_kind']);
      }
    }
    for (const [route, place] of placed('writer', 'key')) {
      for (const token of [ann.accessToken, ann.refreshToken]) {
        expect([route, await ask(route, place, token)]).toEqual([route, '401 wrong_token_kind']);
      }
    }
    for (const [route, place] of placed('reader', 'keeper')) {
      expect([route, await ask(route, place, ann.refreshToken)]).toEqual([route, '401 wrong_token_kind']);
    }
    for (const token of [ann.accessToken, keys.read, keys.write]) {
      const { status, body } = await call(`${stack.url}/auth/refresh`, { body: { refreshToken: token } });
      expect([status, body.code]).toEqual([401, 'wrong_token_kind']);
    }
  });

  test('revoked, of a deleted app, logged out: 401 key_revoked', async () => {
    for (const [route, place] of placed('writer', 'key', 'reader', 'keeper')) {
      for (const token of [keys.revoked, keys.ofDeletedApp]) {
        expect([route, await ask(route, place, token)]).toEqual([route, '401 key_revoked']);
      }
    }
    for (const [route, place] of placed('user', 'reader', 'keeper')) {
      expect([route, await ask(route, place, loggedOut.accessToken)]).toEqual([route, '401 key_revoked']);
    }
  });

  test('without the scope: 403 scope_missing', async () => {
    for (const [route, place] of placed('writer'))
      expect([route, await ask(route, place, keys.read)]).toEqual([route, '403 scope_missing']);
    for (const [route, place] of placed('reader'))
      expect([route, await ask(route, place, keys.write)]).toEqual([route, '403 scope_missing']);
  });

  test('what belongs to somebody else is 404, as if it were not there', async () => {
    for (const [route, place] of placed('user')) {
      const names = `${route}${place.query?.(ids) ?? ''}${JSON.stringify(place.body?.(ids) ?? '')}`;
      if (!NAMES_AN_ID.test(names)) continue;
      expect([route, await ask(route, place, bob.accessToken)]).toEqual([route, '404 not_found']);
      const nobody = { app: NOBODY, key: NOBODY };
      expect([route, await ask(route, place, bob.accessToken, nobody)]).toEqual([route, '404 not_found']);
    }
    for (const route of [
      'event-summary',
      'user-stats',
      'series',
      'events',
      'export',
      'live',
      'breakdown',
      'users',
      'users/timeline',
    ].map((name) => `GET /api/analytics/${name}`)) {
      const place = {
        ...PLACES[route]!,
        query: ({ app }: Ids) => `${PLACES[route]!.query?.(ids) ?? '?'}&app_id=${app}`,
      };
      expect([route, await ask(route, place, bob.accessToken)]).toEqual([route, '404 not_found']);
      const other = await registerApp(stack.url, bob);
      expect([route, await ask(route, place, keys.read, { ...ids, app: other.id })]).toEqual([route, '404 not_found']);
    }
  });

  test('routes for everybody ask for no token, and are not closed by a bad one', async () => {
    for (const [route, place] of placed('anyone')) {
      for (const token of [undefined, 'garbage', keys.revoked]) {
        expect([route, (await ask(route, place, token)).slice(0, 3)]).toEqual([
          route,
          expect.not.stringMatching(/401|403|5../),
        ]);
      }
    }
  });

  test('the right token opens each of them', async () => {
    for (const [route, place] of placed('user', 'writer', 'key', 'reader', 'keeper')) {
      const own = await signIn(stack.url, `own${Math.random()}@x.test`);
      const app = await registerApp(stack.url, own);
      const read = await createKey(stack.url, own, { appId: app.id, scopes: ['read'] });
      const good = { user: [own.accessToken], writer: [app.apiKey], key: [app.apiKey, read.apiKey] } as Record<
        Who,
        string[]
      >;
      good.reader = [own.accessToken, read.apiKey];
      good.keeper = [own.accessToken, read.apiKey, app.apiKey];
      for (const token of good[place.who]) {
        const answer = await ask(route, place, token, { app: app.id, key: app.keyId });
        // Nobody has an erasure or an event with that id; of an event it cannot be told while others are on their way.
        const missing = /erasures|receipt|accounts\/:id|sessions\/:id/.test(route);
        const opened = expect.stringMatching(place.cookieOnly ? /^403$/ : missing ? /^(404|200)$/ : /^20[0-4]$/);
        expect([route, answer.slice(0, 3)]).toEqual([route, opened]);
      }
    }
  });
});

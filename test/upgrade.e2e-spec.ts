import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { call, type Signed, signIn } from './support/client.js';
import { type Launcher, ProjectCopy } from './support/project-copy.js';
import { freePort } from './support/server-process.js';
import { until } from './support/until.js';

/** What scripts/make-release-fixture.mjs keeps of a release beside its database. */
interface Fixture {
  secrets: Record<string, string>;
  keys: Record<'write' | 'read' | 'revoked' | 'successor', string>;
  apps: Record<string, { id: string; key: string }>;
  answers: { as: 'ann' | 'bob'; path: string; answer: unknown }[];
}

/** Fields that tell when something was asked, or how to go on: they differ from one call to the next. */
const OF_THE_MOMENT = new Set(['asOf', 'exportedAt', 'lastUsedAt', 'notice', 'nextCursor']);

const EMBEDDED = { ENGINE: 'embedded', ENGINE_MEMORY: '512M' };
/** The engine starts after everything else, on a machine that does other things beside. */
const COPIED_WITHIN_MS = 200_000;

/** An account may ask this many questions side by side. */
const AT_ONCE = 4;

const releases = JSON.parse(readFileSync(join('docs', 'releases.json'), 'utf8')) as { version: string }[];
const { version } = releases.at(-1)!;

describe(`a filled database of release ${version}`, () => {
  const fixture = readFixture(version);
  const routes = [...new Set(fixture.answers.map(({ path }) => routeOf(path)))];
  const copy = new ProjectCopy();
  const dataDir = join(copy.folder, 'data');
  const accounts = {} as Record<'ann' | 'bob', Signed>;
  let launcher: Launcher;

  const get = (path: string, as: 'ann' | 'bob'): ReturnType<typeof call> =>
    call(launcher.url + path, { token: accounts[as].accessToken });
  const collect = (key: string, body: object): ReturnType<typeof call> =>
    call(`${launcher.url}/api/analytics/collect`, { key, body });

  beforeAll(async () => {
    const load = copy.run('load-release-fixture.mjs', dataDir, {}, [version]);
    expect([await load.ended(), load.output]).toEqual([
      0,
      expect.stringContaining(`Loaded the database of ${version}`),
    ]);
    launcher = await copy.start(dataDir, await freePort(), { ...fixture.secrets, ...EMBEDDED }).ready();
    for (const name of ['ann', 'bob'] as const) {
      accounts[name] = await signIn(launcher.url, `${name}@example.test`);
    }
    // MySQL answers until then, without unique users.
    const isComplete = async () => !('degraded' in (await get('/api/analytics/event-summary', 'ann')).body);
    await until(isComplete, 'ClickHouse to have every event', COPIED_WITHIN_MS);
  });
  afterAll(() => copy.remove());

  it.each(routes)('gives the same answers on %s', async (route) => {
    const asked = fixture.answers.filter(({ path }) => routeOf(path) === route);
    for (let from = 0; from < asked.length; from += AT_ONCE) {
      const group = asked.slice(from, from + AT_ONCE);
      const now = await Promise.all(group.map(({ path, as }) => get(path, as)));
      for (const [i, { as, path, answer }] of group.entries()) {
        const { status, body } = now[i]!;
        const given: unknown = path.includes('format=ndjson') ? lines(body as string) : body;
        // Later releases may add fields.
        expect({ as, path, status, answer: unchanging(given) }).toMatchObject({
          as,
          path,
          status: 200,
          answer: unchanging(answer),
        });
      }
    }
  });

  it('holds events, expired days, erased people and dead letters', () => {
    const answer = (path: string): unknown => fixture.answers.find((one) => one.path === path)?.answer;
    const total = (app: string): unknown => answer(`/api/analytics/event-summary?appId=${fixture.apps[app]!.id}`);
    const exported = (app: string): unknown =>
      fixture.answers.find(({ path }) => path.includes('/export?') && path.includes(fixture.apps[app]!.id))?.answer;
    expect(total('shop')).toMatchObject({ count: (exported('shop') as unknown[]).length });
    expect([total('expired'), exported('expired')]).toMatchObject([{ count: 90 }, []]);
    expect(total('partly')).toMatchObject({ count: 110 });
    expect((exported('partly') as unknown[]).length).toBeLessThan(60);
    expect([total('dropped'), exported('dropped')]).toMatchObject([{ count: 0 }, []]);
    const erased = `/api/analytics/user-stats?userId=customer-7&appId=${fixture.apps.shop!.id}`;
    expect(answer(erased)).toMatchObject({ totalEvents: 0 });
    const letters = answer(`/api/apps/${fixture.apps.shop!.id}/dead-letters?limit=100`) as { data: unknown[] };
    expect(letters.data).toHaveLength(3);
  });

  it('drops the tables of distinct users once ClickHouse has what they had, and answers as before', async () => {
    await until(
      () => launcher.output.includes('tables of distinct users are dropped'),
      'the tables to go',
      COPIED_WITHIN_MS,
    );
    const summaries = fixture.answers.filter(({ path }) => routeOf(path) === '/api/analytics/event-summary');
    for (const { as, path, answer } of summaries) {
      expect({ path, answer: unchanging((await get(path, as)).body) }).toMatchObject({
        path,
        answer: unchanging(answer),
      });
    }
  });

  it('counts an event that is posted with an old key', async () => {
    const event = { event: 'after the upgrade', userId: 'customer-1', device: 'mobile' };
    expect(await collect(fixture.keys.write, event)).toMatchObject({ status: 202 });
    const path = `/api/analytics/event-summary?event=after+the+upgrade&appId=${fixture.apps.shop!.id}`;
    await until(async () => (await get(path, 'ann')).body.count === 1, 'the event to be counted');
    expect((await get(path, 'ann')).body).toMatchObject({ uniqueUsers: 1, deviceData: { mobile: 1 } });
  });

  it('knows each key as what it was', async () => {
    const self = (key: string): ReturnType<typeof call> => call(`${launcher.url}/api/auth/api-key/self`, { key });
    expect(await self(fixture.keys.read)).toMatchObject({ status: 200, body: { name: 'reports', scopes: ['read'] } });
    expect(await self(fixture.keys.successor)).toMatchObject({ status: 200, body: { name: 'rotated' } });
    expect(await collect(fixture.keys.revoked, { event: 'x' })).toMatchObject({
      status: 401,
      body: { code: 'key_revoked' },
    });
  });

  it('has counts that agree with its events', async () => {
    const audit = copy.run('run.mjs', dataDir, EMBEDDED, ['audit-counts']);
    expect([await audit.ended(), audit.output]).toEqual([0, expect.stringMatching(/^0 differences$/m)]);
  });
});

function readFixture(release: string): Fixture {
  const file = join('test', 'releases', `${release}.answers.json.gz`);
  if (!existsSync(file)) throw new Error(`${file} is missing: docs/releasing.md says how to make it`);
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as Fixture;
}

/** A path without its query, and with {id} for ids. */
function routeOf(path: string): string {
  return path.replace(/\?.*/, '').replace(/[0-9a-f-]{36}/g, '{id}');
}

function lines(text: string): unknown[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
}

/** An answer without the fields that change from one call to the next. */
function unchanging(answer: unknown): unknown {
  const text = JSON.stringify(answer, (name, value: unknown) => (OF_THE_MOMENT.has(name) ? undefined : value));
  return JSON.parse(text);
}

import type { AcceptedEvent } from '../../src/events/event.js';
import { formatUuid } from '../../src/events/event-id.js';
import { call, createKey, registerApp, type Signed, signIn } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { type Stack, startStack } from '../support/stack.js';

const KNOWN = 'ann-knows';
const NOBODY = 'nobody-at-all';
const BOBS = 3000;

/** Each part of a statement that reads or changes `events`. */
const partsOnEvents = (statement: string): string[] =>
  statement.split(/\bUNION ALL\b/i).filter((part) => /\b(FROM|JOIN|UPDATE)\s+`?events`?\b/i.test(part));
/** By values, or by the rows of a derived table of keys. */
const NAMES_APP = /\b(e\.|`\w+`\.)?`?app_id`? (=|IN) ?\(?\s*(X'|k\.app_id)/i;
const NAMES_ID_OR_PERSON = /\b(e\.|`\w+`\.)?`?(id|user_key)`? (=|>=|>|<|IN) ?\(?\s*(X'|k\.id)/i;

/** MySQL's general log tells every statement, whoever wrote it: TypeORM or we. */
describe('statements on events', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string };
  let known: AcceptedEvent;
  let readKey: string;
  beforeAll(async () => {
    stack = await startStack();
    ann = await signIn(stack.url);
    const bob = await signIn(stack.url, 'bob@example.test');
    app = await registerApp(stack.url, ann);
    await registerApp(stack.url, ann);
    readKey = (await createKey(stack.url, ann, { appId: app.id, scopes: ['read', 'write'] })).apiKey;
    const [own, others] = [app.id, (await registerApp(stack.url, bob)).id].map((id) => id.replaceAll('-', ''));
    const anns = Array.from({ length: 20 }, (_none, i) =>
      acceptedEvent({ appId: own, eventId: `a${i}`, userValue: KNOWN }),
    );
    const bobs = Array.from({ length: BOBS }, (_none, i) => acceptedEvent({ appId: others, eventId: `b${i}` }));
    await stack.store([...anns, ...bobs]);
    known = anns[0]!;
    await stack.workers[0]!.stop();
  });
  afterAll(() => stack?.stop());

  const sessions = () =>
    stack.query<{ id: string }>('SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB = DATABASE()');

  /** @returns what MySQL was told by this stack's processes meanwhile */
  const statementsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const ids = new Set((await sessions()).map(({ id }) => String(id)));
    await stack.query('TRUNCATE mysql.general_log');
    await stack.query("SET GLOBAL log_output = 'TABLE'");
    await stack.query('SET GLOBAL general_log = ON');
    try {
      await work();
    } finally {
      await stack.query('SET GLOBAL general_log = OFF');
    }
    for (const { id } of await sessions()) ids.add(String(id));
    const rows = await stack.query<{ thread: string; argument: Buffer | string }>(
      `SELECT thread_id AS thread, argument FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')`,
    );
    return rows.filter(({ thread }) => ids.has(String(thread))).map(({ argument }) => argument.toString());
  };

  const questions = (user: string, id: string): string[] => {
    const ranges = ['', `app_id=${app.id}`, 'startDate=2026-01-01&endDate=2026-01-02'];
    const ranged = ['event-summary?', 'series?', 'events?', 'breakdown?by=url&', 'breakdown?by=event&', 'export?'];
    return [
      ...ranged.flatMap((route) => ranges.map((range) => `analytics/${route}${range}`)),
      'analytics/breakdown?by=device&metadata=a:b&event=x',
      'analytics/events?event=rare&limit=1',
      'analytics/users?',
      `analytics/users?cursor=${id}`,
      `analytics/users?search=${user}`,
      `analytics/users/timeline?userId=${user}`,
      `analytics/users/timeline?userId=${user}&cursor=${id}`,
      `analytics/user-stats?userId=${user}`,
      `analytics/events/${id}/receipt`,
      'analytics/live',
    ];
  };

  test.each([
    ['a known user', KNOWN],
    ['an unknown user', NOBODY],
  ])('every one names an app, and ids or a person: %s', async (_what, user) => {
    const ids = [formatUuid(known.id), '01893d5c-0000-7000-8000-000000000000'];
    const asked = new Map<string, number>();
    const statements = await statementsOf(async () => {
      for (const path of ids.flatMap((id) => questions(user, id))) {
        for (const token of [{ token: ann.accessToken }, { key: readKey }]) {
          asked.set(path, (await call(`${stack.url}/api/${path}`, token)).status);
        }
      }
      const mine = [`users/${user}`, 'dead-letters', `dead-letters?cursor=${ids[0]}`, 'dead-letters?code=unstorable'];
      for (const path of mine) {
        asked.set(path, (await call(`${stack.url}/api/apps/${app.id}/${path}`, { token: ann.accessToken })).status);
      }
      const token = ann.accessToken;
      await call(`${stack.url}/api/apps/${app.id}/dead-letters/replay`, { token, body: {} });
      await call(`${stack.url}/api/apps/${app.id}/users/${user}`, { token, method: 'DELETE' });
    });
    const failed = [...asked].filter(([path, status]) => status !== 200 && !path.endsWith('receipt'));
    expect(failed).toEqual([]);
    const parts = statements.flatMap(partsOnEvents);
    expect(parts.length).toBeGreaterThan(50);
    expect(parts.filter((part) => !NAMES_APP.test(part) || !NAMES_ID_OR_PERSON.test(part))).toEqual([]);
    const plans = await Promise.all(
      [...new Set(statements)]
        .filter((statement) => /^\W*SELECT/i.test(statement) && partsOnEvents(statement).length > 0)
        .map(async (statement) => ({ statement, plan: await stack.query<Plan>(`EXPLAIN ${statement}`) })),
    );
    const scans = plans.filter(({ plan }) =>
      plan.some(
        ({ table, type }) =>
          /^(e|events)$/.test(table ?? '') &&
          !/^(range|ref|eq_ref|const|index_merge)$/.test(type ?? '') &&
          type !== null,
      ),
    );
    expect(scans).toEqual([]);
  });

  test('a person of whom the app knows nothing is exported as such', async () => {
    const { status, body } = await call(`${stack.url}/api/apps/${app.id}/users/${NOBODY}`, { token: ann.accessToken });
    expect([status, body]).toEqual([200, expect.objectContaining({ profiles: [], events: [], deadLetters: [] })]);
  });
});

interface Plan {
  table: string | null;
  type: string | null;
}

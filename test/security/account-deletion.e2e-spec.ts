import { call, registerApp, type Signed, signIn } from '../support/client.js';
import { blocked, holding, untilBlocked } from '../support/locks.js';
import { outcome } from '../support/sign-ins.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

/** More than the connections of a process to MySQL. */
const AT_ONCE = 15;
const WITHIN_MS = 30_000;

describe('deleting an account', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
  });
  afterAll(() => stack?.stop());

  const remove = (token: string) =>
    call(`${stack.url}/api/auth/me`, { method: 'DELETE', token, signal: AbortSignal.timeout(WITHIN_MS) });
  const idOf = ({ user }: Signed) => Buffer.from(user.id.replaceAll('-', ''), 'hex');
  const livingApps = (owner: Signed) =>
    stack.query('SELECT id FROM apps WHERE owner_id = ? AND deleted_at IS NULL', [idOf(owner)]);

  test(`${AT_ONCE} accounts at once: each goes, and none waits for a connection that another holds`, async () => {
    const people = await Promise.all(
      Array.from({ length: AT_ONCE }, (_none, index) => signIn(stack.url, `leaver${index}@example.test`)),
    );
    await Promise.all(people.map((person) => registerApp(stack.url, person)));
    const answers = await Promise.all(people.map(({ accessToken }) => remove(accessToken)));
    expect(answers.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(204));
    expect(await stack.query('SELECT id FROM apps WHERE deleted_at IS NULL')).toEqual([]);
  });

  test('an app whose registration meets the deletion under way is refused', async () => {
    const ann = await signIn(stack.url, 'registers-late@example.test');
    const lock = 'SELECT id FROM users WHERE id = ? FOR UPDATE';
    await holding(
      stack,
      (deletion) => deletion.query(lock, [idOf(ann)]),
      async (deletion) => {
        const registration = call(`${stack.url}/api/apps`, { token: ann.accessToken, body: { name: 'Late' } });
        await untilBlocked(stack);
        await deletion.query(
          `UPDATE users SET subject = CONCAT('deleted:', LOWER(HEX(id))), email = '', name = NULL WHERE id = ?`,
          [idOf(ann)],
        );
        await deletion.commitTransaction();
        expect(outcome(await registration)).toBe('401 key_revoked');
      },
    );
    expect(await livingApps(ann)).toEqual([]);
  });

  test('a deletion waits for the registration under way, and takes its app along', async () => {
    const ann = await signIn(stack.url, 'registers-early@example.test');
    await holding(
      stack,
      async (registration) => {
        await registration.query('SELECT id FROM users WHERE id = ? FOR UPDATE', [idOf(ann)]);
        await registration.query(
          "INSERT INTO apps (id, owner_id, name) VALUES (LEFT(UNHEX(SHA2('early', 256)), 16), ?, 'Early')",
          [idOf(ann)],
        );
      },
      async (registration) => {
        const deletion = remove(ann.accessToken);
        await untilBlocked(stack);
        await registration.commitTransaction();
        expect((await deletion).status).toBe(204);
      },
    );
    expect(await livingApps(ann)).toEqual([]);
  });

  test('a sign-in that is about to make its session does not outlive the account', async () => {
    const ann = await signIn(stack.url, 'comes-early@example.test');
    // The end of the table: where a new session goes, and none that is there is.
    const lock = "SELECT id FROM sessions WHERE id > UNHEX(REPEAT('F', 32)) FOR UPDATE";
    await holding(
      stack,
      (transaction) => transaction.query(lock),
      async (transaction) => {
        const arrival = signIn(stack.url, 'comes-early@example.test');
        await untilBlocked(stack);
        let over = false;
        const deletion = remove(ann.accessToken).finally(() => (over = true));
        await until(async () => over || (await blocked(stack, 2)), 'the deletion to wait, or to be over');
        await transaction.rollbackTransaction();
        expect((await deletion).status).toBe(204);
        const { accessToken } = await arrival;
        expect(outcome(await call(`${stack.url}/api/auth/me`, { token: accessToken }))).toBe('401 key_revoked');
      },
    );
    expect(await stack.query('SELECT id FROM sessions WHERE user_id = ? AND ended_at IS NULL', [idOf(ann)])).toEqual(
      [],
    );
  });

  test('a sign-in that meets the deletion under way waits, and begins another account', async () => {
    const ann = await signIn(stack.url, 'comes-late@example.test');
    const app = await registerApp(stack.url, ann);
    const lock = 'SELECT id FROM apps WHERE id = ? FOR UPDATE';
    await holding(
      stack,
      (transaction) => transaction.query(lock, [Buffer.from(app.id.replaceAll('-', ''), 'hex')]),
      async (transaction) => {
        const deletion = remove(ann.accessToken);
        await untilBlocked(stack);
        const arrival = signIn(stack.url, 'comes-late@example.test');
        await untilBlocked(stack, 2);
        await transaction.rollbackTransaction();
        expect((await deletion).status).toBe(204);
        const again = await arrival;
        expect(again.user.id).not.toBe(ann.user.id);
        expect((await call(`${stack.url}/api/auth/me`, { token: again.accessToken })).status).toBe(200);
      },
    );
  });
});

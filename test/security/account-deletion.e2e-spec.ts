import { call, registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';

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

  test(`${AT_ONCE} accounts at once: each goes, and none waits for a connection that another holds`, async () => {
    const people = await Promise.all(
      Array.from({ length: AT_ONCE }, (_none, index) => signIn(stack.url, `leaver${index}@example.test`)),
    );
    await Promise.all(people.map((person) => registerApp(stack.url, person)));
    const answers = await Promise.all(people.map(({ accessToken }) => remove(accessToken)));
    expect(answers.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(204));
    expect(await stack.query('SELECT id FROM apps WHERE deleted_at IS NULL')).toEqual([]);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { registerApp, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { check, type Verdict } from './checker.js';
import { Load } from './load.js';

/** A checker that cannot fail proves nothing: here it meets the drain that one would write first. */
describe('the checker, on a naive drain', () => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack({ workers: 0, engine: 'none' });
  });
  afterEach(() => stack?.stop());

  /** Some load, one naive drain that is killed, another that finishes. */
  async function verdict(env: Record<string, string>, sentTwice: number): Promise<Verdict> {
    const app = await registerApp(stack.url, await signIn(stack.url));
    const load = new Load(app, () => [stack.url], 5, { unstorable: 0, sentTwice });
    load.start(4);
    await until(() => load.acknowledged.size > 500, 'some load');
    await load.stop();
    if (env.CRASH) expect(await naiveDrain(env)).toBe('SIGKILL');
    expect(await naiveDrain({})).toBe(0);
    return check(stack, load, app);
  }

  async function naiveDrain(env: Record<string, string>): Promise<number | string> {
    const child = spawn(process.execPath, [join('test', 'faults', 'naive-drain.mjs')], {
      env: { ...stack.variables, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return signal ?? code!;
  }

  test('nothing died and nothing was sent twice: it finds no fault', async () => {
    expect(await verdict({}, 0)).toMatchObject({ lost: 0, twice: 0, foreign: 0, wrongCells: 0 });
  });

  test('nothing died, but a tenth was sent twice: it finds cells that count too much', async () => {
    const found = await verdict({}, 0.1);
    expect(found.wrongCells).toBeGreaterThan(0);
    expect(found.lost).toBe(0);
  });

  test('killed between counting and trimming: it finds cells that count too much', async () => {
    const found = await verdict({ CRASH: 'after-count' }, 0);
    expect(found.wrongCells).toBeGreaterThan(0);
    expect(found.lost).toBe(0);
  });

  test('killed between trimming and storing: it finds what is lost', async () => {
    expect((await verdict({ CRASH: 'after-trim', TRIM_FIRST: '1' }, 0)).lost).toBeGreaterThan(0);
  });
});

import { clickhouseClient } from './support/engine.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const COUNT = 'SELECT count() FROM things';
const stacks: Stack[] = [];
const start = async (engine?: 'shared' | 'own' | 'none'): Promise<Stack> => {
  const stack = await startStack({ apis: 0, workers: 0, ...(engine ? { engine } : {}) });
  stacks.push(stack);
  return stack;
};
const stopAll = () => Promise.all(stacks.splice(0).map((stack) => stack.stop()));
afterEach(stopAll);

async function store(stack: Stack, rows: number): Promise<void> {
  const copying = clickhouseClient(stack.variables.CLICKHOUSE_COPY_URL!);
  await copying.command({ query: 'CREATE TABLE things (n UInt64) ENGINE = MergeTree ORDER BY n' });
  const values = Array.from({ length: rows }, (_none, n) => [n]);
  await copying.insert({ table: 'things', values, format: 'JSONCompactEachRow' });
  await copying.close();
}

async function ask(stack: Stack, query: string): Promise<string> {
  const asking = clickhouseClient(stack.variables.CLICKHOUSE_URL!);
  try {
    return (await (await asking.query({ query, format: 'TabSeparated' })).text()).trim();
  } finally {
    await asking.close();
  }
}

test('a stack has an empty database of its own in the engine that all tests share', async () => {
  const [one, two] = [await start(), await start()];
  await Promise.all([store(one, 1), store(two, 2)]);
  expect([await ask(one, COUNT), await ask(two, COUNT)]).toEqual(['1', '2']);
  const [first, second] = [one, two].map((stack) => stack.env.readModel!);
  expect(first).toMatchObject({ url: second!.url, questions: { user: 'questions' }, copying: { user: 'copying' } });
  await expect(ask(two, `SELECT count() FROM ${first!.database}.things`)).rejects.toThrow(/tables of/);
  await stopAll();
  const again = await start();
  await store(again, 0);
  expect(await ask(again, COUNT)).toBe('0');
});

test('a stack with an engine of its own may freeze and end it, and finds it again', async () => {
  const stack = await start('own');
  await store(stack, 3);
  stack.engine.process.child.kill('SIGSTOP');
  const late = ask(stack, COUNT);
  stack.engine.process.child.kill('SIGCONT');
  expect(await late).toBe('3');
  await stack.engine.process.stop('SIGKILL');
  await expect(ask(stack, COUNT)).rejects.toThrow();
  await stack.engine.start();
  await until(async () => (await ask(stack, COUNT)) === '3', 'the engine to answer');
});

test('a stack without ClickHouse is told of none', async () => {
  const stack = await start('none');
  expect(stack.env.readModel).toBeUndefined();
  expect(Object.keys(stack.variables).filter((name) => name.startsWith('CLICKHOUSE'))).toEqual([]);
});

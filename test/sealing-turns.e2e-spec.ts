import { createHash } from 'node:crypto';
import { packSightings, readSightings, sighting } from '../src/database/seen-users.js';
import { holding } from './support/locks.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const FLOOD_CELLS = 20_000;
/** Its app sorts first. */
const [FLOOD, QUIET, DELETED] = ['01'.repeat(16), 'f1'.repeat(16), 'f2'.repeat(16)] as const;

const id = (hex: string): Buffer => Buffer.from(hex, 'hex');
const userKey = (user: number): string => createHash('md5').update(`user ${user}`).digest('hex');
/** Long ago, so that their cells are due. */
const batchId = (n: number): Buffer => id(n.toString(16).padStart(32, '0'));

describe('sealing where one account has very many cells', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 0 });
    for (const app of [FLOOD, QUIET, DELETED]) {
      const user = 'INSERT INTO users (id, provider, subject, email, last_sign_in_at) VALUES (?, ?, ?, ?, NOW(3))';
      await stack.query(user, [id(app), 'test', app, `${app}@x.test`]);
      await stack.query('INSERT INTO apps (id, owner_id, name) VALUES (?, ?, ?)', [id(app), id(app), 'App']);
    }
    await stack.query('UPDATE apps SET deleted_at = NOW(3) WHERE id = ?', [id(DELETED)]);
  });
  afterAll(() => stack?.stop());

  const insert = async (rows: unknown[][]): Promise<void> => {
    const into = 'INSERT INTO event_user_batches (app_id, event, day, batch_id, seen) VALUES ?';
    for (let at = 0; at < rows.length; at += 5000) await stack.query(into, [rows.slice(at, at + 5000)]);
  };
  const left = async (app: string): Promise<number> => {
    const rows = await stack.query<{ n: string }>('SELECT COUNT(*) AS n FROM event_user_batches WHERE app_id = ?', [
      id(app),
    ]);
    return Number(rows[0]!.n);
  };
  /** Event, day, user and quarter-hour of all that is sealed of an app. */
  const sealed = async (app: string): Promise<string[]> => {
    const numbers = await stack.query<{ n: number; user: string }>(
      'SELECT number AS n, LOWER(HEX(user_key)) AS user FROM user_numbers WHERE owner_id = ?',
      [id(app)],
    );
    const users = new Map(numbers.map(({ n, user }) => [Number(n), user]));
    const cells = await stack.query<{ event: Buffer; day: number; users: Buffer; quarters: Buffer }>(
      'SELECT event, day, users, quarters FROM event_users WHERE app_id = ?',
      [id(app)],
    );
    return cells
      .flatMap((cell) =>
        Array.from(readSightings(cell), (one) => {
          const number = Math.floor(one / sighting(1, 0));
          return `${cell.event.toString()} ${cell.day} ${users.get(number)} ${one % sighting(1, 0)}`;
        }),
      )
      .sort();
  };

  test('another account’s cells are sealed meanwhile, and every sighting is sealed once', async () => {
    const batches = (app: string, cells: number, each: number) =>
      Array.from({ length: cells * each }, (_none, i) => {
        const [cell, user] = [i % cells, (i * 7919) % 1000];
        const day = 4000 + ((cell * 7919) % 16_000);
        return { app, event: `name ${cell}`, day, batch: batchId(i), user: userKey(user), quarter: user % 96 };
      });
    const row = ({ app, event, day, batch, user, quarter }: ReturnType<typeof batches>[number]) => [
      ...[id(app), event, day, batch],
      packSightings([[user, quarter]]),
    ];
    const flood = batches(FLOOD, FLOOD_CELLS, 1);
    // One cell over several pages.
    const hot = batches(FLOOD, 1, 1300).map((one) => ({ ...one, event: 'hot', quarter: 5 }));
    const quiet = batches(QUIET, 5, 3);
    const deleted = batches(DELETED, 5, 1);
    await insert([...flood, ...hot, ...quiet, ...deleted].map(row));
    await stack.startWorker();
    await until(async () => (await left(QUIET)) === 0, 'the small account’s cells to be sealed');
    expect(await left(FLOOD)).toBeGreaterThan(FLOOD_CELLS / 2);
    await until(async () => (await left(FLOOD)) === 0, 'all cells to be sealed');
    const expected = (list: ReturnType<typeof batches>) =>
      [...new Set(list.map(({ event, day, user, quarter }) => `${event} ${day} ${user} ${quarter}`))].sort();
    expect(await sealed(QUIET)).toEqual(expected(quiet));
    expect(await sealed(FLOOD)).toEqual(expected([...flood, ...hot]));
    expect(await left(DELETED)).toBe(5);
    expect(await sealed(DELETED)).toEqual([]);
  });

  test('a cell is sealed while a chunk adds to it', async () => {
    const batch = (n: number) => [id(QUIET), 'busy', 20_000, batchId(n), packSightings([[userKey(n), 3]])];
    const into = 'INSERT INTO event_user_batches (app_id, event, day, batch_id, seen) VALUES ?';
    await holding(
      stack,
      (transaction) => transaction.query(into, [[batch(5), batch(20)]]),
      async () => {
        await insert([batch(1), batch(10), batch(30)]);
        await until(async () => (await left(QUIET)) === 0, 'what is committed to be sealed');
      },
    );
    expect((await sealed(QUIET)).filter((line) => line.startsWith('busy'))).toHaveLength(3);
  });
});

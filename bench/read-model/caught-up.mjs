import { setTimeout as wait } from 'node:timers/promises';

const EVERY_MS = 50;

/** Waits until a worker has filled the copy and compared it with MySQL. @returns seconds */
export async function copyIsComplete({ db }) {
  const begun = performance.now();
  for (;;) {
    const [[row]] = await db.query('SELECT complete_at AS at FROM read_model WHERE id = 1');
    if (row?.at) return (performance.now() - begun) / 1000;
    await wait(EVERY_MS);
  }
}

/** Waits until every committed event is in ClickHouse. @returns when that was, ms since 1970 */
export async function outboxIsEmpty({ db }) {
  for (;;) {
    const [[{ left }]] = await db
      .query('SELECT COUNT(*) AS n FROM outbox')
      .then(([[{ n }]]) => [[{ left: Number(n) }]]);
    if (left === 0) return Date.now();
    await wait(EVERY_MS);
  }
}

import type { DataSource, QueryRunner } from 'typeorm';
import { type Check, idText, type Scope, scopeOf } from './check.js';
import { ARCHIVED_USERS_CHECK } from './archived-users.check.js';
import { EVENT_SUMMARY_CHECK } from './event-summary.check.js';
import { PEOPLE_CHECK, PEOPLE_KEYS_CHECK, SURPLUS_PEOPLE_CHECK } from './user-analytics.check.js';

const CHECKS = [
  EVENT_SUMMARY_CHECK,
  ARCHIVED_USERS_CHECK,
  PEOPLE_CHECK,
  SURPLUS_PEOPLE_CHECK,
  PEOPLE_KEYS_CHECK,
] as Check<unknown>[] as Check[];

const APPS = `SELECT counted.app_id, apps.deleted_before, EXISTS (
  SELECT 1 FROM erasures WHERE erasures.app_id = counted.app_id AND subject = 'app' AND stage = 'rows'
) AS going FROM (
  SELECT app_id FROM events GROUP BY app_id
  UNION SELECT app_id FROM event_summary GROUP BY app_id
  UNION SELECT app_id FROM archived_users GROUP BY app_id
  UNION SELECT app_id FROM user_analytics GROUP BY app_id
) counted LEFT JOIN apps ON apps.id = counted.app_id ORDER BY counted.app_id`;

const UNBALANCED = `SELECT batch_id, received, inserted, duplicated, dead, erased FROM ingest_batches
WHERE received <> inserted + duplicated + dead + erased`;

interface AppRow {
  app_id: Buffer;
  deleted_before: Date | null;
  going: number | string;
}

export interface RecountReport {
  /** Called for each differing cell, one line each. */
  difference(line: string): void;
  /** Called for what cannot be checked, one line each. */
  unchecked?(line: string): void;
  /** Called before each check. */
  progress?(at: { app: number; apps: number; table: string }): void;
}

/**
 * Recounts every rollup from `events` and checks that the ledger balances. All in one snapshot of one connection, so that
 * it may run while workers write; app by app, so that the database sorts no more than one app at a time; and only what
 * differs leaves the database.
 * @returns the number of differences
 */
export async function recount(dataSource: DataSource, report: RecountReport): Promise<number> {
  const runner = dataSource.createQueryRunner();
  let differences = 0;
  const found = (line: string): void => {
    differences += 1;
    report.difference(line);
  };
  try {
    await runner.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await runner.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const apps = ((await runner.query(APPS)) as AppRow[]).filter((app) => toBeChecked(app, report));
    for (const [index, { app_id: id, deleted_before: deletedBefore }] of apps.entries()) {
      const scope = scopeOf(id, deletedBefore);
      for (const check of CHECKS) {
        report.progress?.({ app: index + 1, apps: apps.length, table: check.table });
        await runCheck(runner, check, scope, found);
      }
    }
    await checkLedger(runner, found);
    await runner.query('COMMIT');
    return differences;
  } finally {
    await runner.release();
  }
}

/** An app that is being erased has rollups that are half deleted; what retention has deleted cannot be recounted. */
function toBeChecked({ app_id: id, deleted_before: deletedBefore, going }: AppRow, report: RecountReport): boolean {
  if (Number(going) === 1) {
    report.unchecked?.(`app ${idText(id)} is being erased: it is not checked`);
    return false;
  }
  if (deletedBefore) {
    const time = deletedBefore.toISOString();
    report.unchecked?.(
      `app ${idText(id)}: retention has deleted the events from before ${time}: cells that begin before it, ` +
        'and people first seen before it, are not checked',
    );
  }
  return true;
}

async function runCheck(runner: QueryRunner, check: Check, scope: Scope, found: (line: string) => void): Promise<void> {
  for await (const row of await runner.stream(check.sql, check.parameters(scope))) {
    found(`${check.table}: app ${idText(scope.app)}, ${check.describe(row as Record<string, unknown>)}`);
  }
}

async function checkLedger(runner: QueryRunner, found: (line: string) => void): Promise<void> {
  for await (const row of await runner.stream(UNBALANCED)) {
    const { batch_id: batch, received, inserted, duplicated, dead, erased } = row as Record<string, string | Buffer>;
    found(
      `ingest_batches: batch ${idText(batch as Buffer)}, received ${received as string}, but inserted ${inserted as string}, ` +
        `duplicated ${duplicated as string}, dead ${dead as string}, erased ${erased as string}`,
    );
  }
}

import type { QueryRunner } from 'typeorm';
import { sqlTime } from '../repositories/bulk.js';
import { partitionNames, partitionEnd } from '../partitions.js';

/**
 * Apps that may have events from before a moment: those whose retention has not passed it, deleted ones until they are
 * erased. What workers store meanwhile waits for the table lock, and then meets the fences.
 */
const KEEPERS = `SELECT 1 FROM apps a WHERE (a.deleted_before IS NULL OR a.deleted_before < ?)
  AND (a.deleted_at IS NULL OR EXISTS (SELECT 1 FROM erasures e
    WHERE e.app_id = a.id AND e.subject = 'app' AND e.stage = 'rows')) LIMIT 1`;

/**
 * Drops the months whose every event has expired for every app: at once, where deleting them row by row takes long. The
 * first partition, which takes all that is older, is emptied instead.
 * @returns names of the partitions
 */
export async function dropExpiredPartitions(runner: QueryRunner): Promise<string[]> {
  const names = await partitionNames(runner);
  const dropped: string[] = [];
  for (const name of names) {
    const end = partitionEnd(name);
    if (end === undefined || (await kept(runner, end)) || (takesAllOlder(name) && (await isEmpty(runner, name))))
      continue;
    await runner.query('LOCK TABLES events WRITE, apps a READ, erasures e READ');
    try {
      // Asked again under the lock: an app may have been registered meanwhile, and may have stored an old event.
      if (await kept(runner, end)) continue;
      // Names are read from the database and match partitionEnd's pattern; DDL takes no bound parameters.
      const action = takesAllOlder(name) ? 'TRUNCATE' : 'DROP';
      await runner.query(`ALTER TABLE events ${action} PARTITION ${name}`);
      dropped.push(name);
    } finally {
      await runner.query('UNLOCK TABLES');
    }
  }
  return dropped;
}

function takesAllOlder(name: string): boolean {
  return name.startsWith('p_before');
}

async function isEmpty(runner: QueryRunner, name: string): Promise<boolean> {
  const rows: unknown[] = await runner.query(`SELECT 1 FROM events PARTITION (${name}) LIMIT 1`);
  return rows.length === 0;
}

async function kept(runner: QueryRunner, end: number): Promise<boolean> {
  const rows: unknown[] = await runner.query(KEEPERS, [sqlTime(end)]);
  return rows.length > 0;
}

import type { QueryRunner } from 'typeorm';
import type { ArchiveRepository } from '../../read-model/archive/archive.repository.js';
import { sqlTime } from '../repositories/bulk.js';
import { partitionNames, partitionEnd } from '../partitions.js';
import { EXPIRED_AT_ONCE, type Transact } from './expired-rows.js';
import { archiveUsers, type ExpiringEvent } from './expired-sightings.js';

/**
 * Apps that may have events from before a moment: those whose retention has not passed it, deleted ones until they are
 * erased. What workers store meanwhile waits for the table lock, and then meets the fences.
 */
const KEEPERS = `SELECT 1 FROM apps a WHERE (a.deleted_before IS NULL OR a.deleted_before < ?)
  AND (a.deleted_at IS NULL OR EXISTS (SELECT 1 FROM erasures e
    WHERE e.app_id = a.id AND e.subject = 'app' AND e.stage = 'rows')) LIMIT 1`;

const KEEPING_APPS = `SELECT id FROM apps WHERE retention_rollups = 'keep' AND deleted_at IS NULL ORDER BY id`;
/** Names of partitions are read from the database. */
const eventsOf = (partition: string): string => `SELECT id, event, user_key AS userKey, occurred_at AS occurredAt
FROM events PARTITION (${partition}) WHERE app_id = ? AND id > ? ORDER BY id LIMIT ${EXPIRED_AT_ONCE} FOR UPDATE`;

/**
 * Drops the months whose every event has expired for every app: at once, where deleting them row by row takes long. The
 * first partition, which takes all that is older, is emptied instead. Before that, the distinct users of apps that keep
 * their counts are archived. The fences keep new events out meanwhile.
 * @returns names of the partitions
 */
export async function dropExpiredPartitions(
  runner: QueryRunner,
  archive: ArchiveRepository,
  transact: Transact,
): Promise<string[]> {
  const names = await partitionNames(runner);
  const dropped: string[] = [];
  for (const name of names) {
    const end = partitionEnd(name);
    if (end === undefined || (await kept(runner, end)) || (takesAllOlder(name) && (await isEmpty(runner, name))))
      continue;
    await archivePartition(name, archive, transact);
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

/** May be repeated: a user who is archived twice counts once. */
async function archivePartition(name: string, archive: ArchiveRepository, transact: Transact): Promise<void> {
  const apps = await transact<{ id: Buffer }[]>((manager) => manager.query(KEEPING_APPS));
  for (const { id: appId } of apps) {
    for (let after: Buffer | undefined = Buffer.alloc(0); after;) {
      const from: Buffer = after;
      after = await transact(async (manager) => {
        const events: ExpiringEvent[] = await manager.query(eventsOf(name), [appId, from]);
        await archiveUsers(manager, archive, appId, events, 0);
        return events.length === EXPIRED_AT_ONCE ? events.at(-1)!.id : undefined;
      });
    }
  }
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

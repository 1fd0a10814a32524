import type { EntityManager } from 'typeorm';

/** When something was last counted, from the index ingest_batches_committed. */
const LAST_COMMIT = 'SELECT MAX(committed_at) AS committed_at FROM ingest_batches';

/** Undefined when nothing was counted yet. */
export async function lastCommit(manager: EntityManager): Promise<Date | undefined> {
  const rows: { committed_at: Date | null }[] = await manager.query(LAST_COMMIT);
  return rows[0]?.committed_at ?? undefined;
}

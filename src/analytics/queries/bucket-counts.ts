import { binaries } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import type { TimeRange } from '../time-range.js';

const BY_QUARTER = `SELECT quarter AS time, SUM(n) AS n FROM event_summary
WHERE app_id IN (?) AND event = ? AND quarter >= ? AND quarter < ? GROUP BY quarter`;

/**
 * How many events each bucket holds.
 * @param appIds 32 hex digits each, at least one
 * @param event '' for all events
 * @param buckets in order, without a gap
 */
export async function bucketCounts(
  manager: EntityManager,
  appIds: readonly string[],
  event: string,
  buckets: readonly TimeRange[],
): Promise<number[]> {
  const counts = buckets.map(() => 0);
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (!first || !last) return counts;
  const rows: { time: string | number; n: string }[] = await manager.query(BY_QUARTER, [
    ...[binaries(appIds), Buffer.from(event), first.startQuarter, last.endQuarter],
  ]);
  const byTime = rows.map(({ time, n }) => ({ time: Number(time), n: Number(n) })).sort((a, b) => a.time - b.time);
  let bucket = 0;
  for (const { time, n } of byTime) {
    while (time >= buckets[bucket]!.endQuarter) bucket += 1;
    counts[bucket]! += n;
  }
  return counts;
}

import { binaries } from '../../database/binary.js';
import type { EntityManager } from 'typeorm';
import type { TimeRange } from '../time-range.js';
import { QUARTERS_A_DAY } from '../../events/limits.js';

const BY_QUARTER = `SELECT quarter AS time, SUM(n) AS n FROM event_summary
WHERE app_id IN (?) AND event = ? AND quarter >= ? AND quarter < ? GROUP BY quarter`;
/** Where all buckets begin and end with UTC days. */
const BY_DAY = `SELECT day * ${QUARTERS_A_DAY} AS time, SUM(n) AS n FROM event_summary_days
WHERE app_id IN (?) AND event = ? AND day >= ? AND day < ? GROUP BY day`;

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
  const ofDays = buckets.every(
    (one) => one.startQuarter % QUARTERS_A_DAY === 0 && one.endQuarter % QUARTERS_A_DAY === 0,
  );
  const unit = ofDays ? QUARTERS_A_DAY : 1;
  const rows: { time: string | number; n: string }[] = await manager.query(ofDays ? BY_DAY : BY_QUARTER, [
    ...[binaries(appIds), Buffer.from(event)],
    ...[first.startQuarter / unit, last.endQuarter / unit],
  ]);
  const byTime = rows.map(({ time, n }) => ({ time: Number(time), n: Number(n) })).sort((a, b) => a.time - b.time);
  let bucket = 0;
  for (const { time, n } of byTime) {
    while (time >= buckets[bucket]!.endQuarter) bucket += 1;
    counts[bucket]! += n;
  }
  return counts;
}

import { RoaringBitmap32 } from 'roaring-wasm';
import { type SealedSightings, usersSeenInEach } from '../../database/seen-users.js';
import { QUARTERS_A_DAY } from '../../events/limits.js';
import { Steps } from '../../common/steps.js';
import { lowerBound } from '../lower-bound.js';
import type { TimeRange } from '../time-range.js';
import type { UnsealedUsers } from './unsealed-users.js';

/** Bitmaps united in one call. */
const UNITED_AT_ONCE = 100;
/** Users who are not sealed yet, added before other requests may go on. */
const ADDED_AT_ONCE = 2000;

/** What is needed of a sealed day of one app. */
export interface ReadDay {
  /** Days since 1970 UTC. */
  day: number;
  /** All of its users, where a range holds the whole day. */
  users?: RoaringBitmap32;
  /** Where a range holds a part of it. */
  sealed?: SealedSightings;
}

/**
 * Distinct users of each range. For many ranges, apps and users that takes time, so it is done in steps.
 * @param ranges which may lie in each other
 */
export async function usersInRanges(
  ranges: readonly TimeRange[],
  cells: readonly ReadDay[],
  unsealed: UnsealedUsers,
): Promise<number[]> {
  const days = new Days(ranges, cells);
  const counts: number[] = [];
  const steps = new Steps();
  for (const [index, range] of ranges.entries()) {
    await steps.pause();
    const whole = days.wholeIn(range);
    const unsealedHere = unsealed.in(range);
    let next = unsealedHere.next();
    if (whole.length === 0 && next.done) {
      counts.push(distinct([...days.partlyIn(index)]));
      continue;
    }
    const union = new RoaringBitmap32();
    try {
      for (let at = 0; at < whole.length; at += UNITED_AT_ONCE) {
        const united = RoaringBitmap32.orMany(whole.slice(at, at + UNITED_AT_ONCE));
        union.orInPlace(united);
        united.dispose();
        await steps.pause();
      }
      for (const users of days.partlyIn(index)) {
        union.addMany(users);
        await steps.pause();
      }
      const strangers = new Set<string>();
      let added = 0;
      for (; !next.done; next = unsealedHere.next()) {
        const { numbers, unnumbered } = next.value;
        for (const number of numbers) {
          union.add(number);
          if ((added += 1) % ADDED_AT_ONCE === 0) await steps.pause();
        }
        for (const userKey of unnumbered) {
          strangers.add(userKey);
          if ((added += 1) % ADDED_AT_ONCE === 0) await steps.pause();
        }
      }
      counts.push(union.size + strangers.size);
    } finally {
      union.dispose();
    }
  }
  return counts;
}

/** How many different numbers there are. @param lists each number once in each */
function distinct(lists: readonly number[][]): number {
  const [only] = lists;
  if (lists.length === 1) return only!.length;
  const all = new Set<number>();
  for (const list of lists) for (const number of list) all.add(number);
  return all.size;
}

/** The sealed days, found by the ranges that hold them or a part of them. */
class Days {
  private readonly byDay = new Map<number, ReadDay[]>();
  private readonly sorted: number[];
  /** By day: ranges that hold a part of it. */
  private readonly partial = new Map<number, number[]>();
  /** Of a day that was split already: users by range. Each is taken out once, so little is kept at a time. */
  private readonly split = new Map<number, Map<number, number[][]>>();

  constructor(
    private readonly ranges: readonly TimeRange[],
    cells: readonly ReadDay[],
  ) {
    for (const cell of cells) {
      const own = this.byDay.get(cell.day);
      if (own) own.push(cell);
      else this.byDay.set(cell.day, [cell]);
    }
    this.sorted = [...this.byDay.keys()].sort((a, b) => a - b);
    for (const [index, range] of ranges.entries()) {
      for (const day of partialDays(range)) {
        if (!this.byDay.has(day)) continue;
        const own = this.partial.get(day);
        if (own) own.push(index);
        else this.partial.set(day, [index]);
      }
    }
  }

  /** Users of the days of which a range holds all. */
  wholeIn({ startQuarter, endQuarter }: TimeRange): RoaringBitmap32[] {
    const index = (day: number) => lowerBound(this.sorted, (one) => one, day);
    const days = this.sorted.slice(
      index(Math.ceil(startQuarter / QUARTERS_A_DAY)),
      index(Math.floor(endQuarter / QUARTERS_A_DAY)),
    );
    return days.flatMap((day) => this.byDay.get(day)!.map(({ users }) => users!));
  }

  /** Users of the parts of days that a range holds. @param index of the range; ask once for each */
  *partlyIn(index: number): Generator<number[]> {
    for (const day of partialDays(this.ranges[index]!)) {
      const cells = this.byDay.get(day);
      if (!cells) continue;
      let split = this.split.get(day);
      if (!split) this.split.set(day, (split = this.splitDay(day, cells)));
      yield* split.get(index)!;
      split.delete(index);
    }
  }

  /** Reads a day once for all the ranges that hold a part of it. */
  private splitDay(day: number, cells: readonly ReadDay[]): Map<number, number[][]> {
    const indexes = this.partial.get(day)!;
    const first = day * QUARTERS_A_DAY;
    const rangesAt = Array.from({ length: QUARTERS_A_DAY }, (_none, quarter) =>
      indexes.flatMap((index, slot) => {
        const { startQuarter, endQuarter } = this.ranges[index]!;
        return first + quarter >= startQuarter && first + quarter < endQuarter ? slot : [];
      }),
    );
    const users = cells.map(({ sealed }) => usersSeenInEach(sealed!, rangesAt, indexes.length));
    return new Map(indexes.map((index, slot) => [index, users.map((ofCell) => ofCell[slot]!)]));
  }
}

/** The days of which a range holds a part: those of its ends, at most. */
function partialDays({ startQuarter, endQuarter }: TimeRange): number[] {
  if (endQuarter <= startQuarter) return [];
  const days = new Set<number>();
  if (startQuarter % QUARTERS_A_DAY !== 0) days.add(Math.floor(startQuarter / QUARTERS_A_DAY));
  if (endQuarter % QUARTERS_A_DAY !== 0) days.add(Math.floor(endQuarter / QUARTERS_A_DAY));
  return [...days];
}

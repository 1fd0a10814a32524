import type { Schemas } from './api.js';

type Interval = Schemas['SeriesDto']['interval'];

/** A label below the chart. */
export interface Tick {
  text: string;
  /** CSS pixels from the left edge of the chart to the label's. */
  left: number;
}

/** Pixels between two labels, at the least. */
const GAP_PX = 12;

/** Buckets between two labels, from few to many: whole parts of a day, weeks, quarters and years come first. */
const STEPS: Record<Interval, readonly number[]> = {
  hour: [1, 2, 3, 4, 6, 12, 24, 48, 168],
  day: [1, 2, 7, 14, 28, 56, 91, 182, 364],
  week: [1, 2, 4, 13, 26, 52, 104],
  month: [1, 2, 3, 6, 12, 24, 60, 120],
};

const MONTH_LENGTH = '2026-11'.length;
const LOCALE = navigator.language;
const DAY = new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', day: 'numeric', month: 'short' });
const DAY_OF_YEAR = new Intl.DateTimeFormat(LOCALE, {
  ...{ timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric' },
});
const MONTH = new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', month: 'short', year: 'numeric' });

/** A bucket's label in full: 25 Nov 2026, 13:00. @param label as of {@link axisText} */
export function bucketText(label: string): string {
  if (label.length === MONTH_LENGTH) return MONTH.format(new Date(`${label}-01`));
  const day = DAY_OF_YEAR.format(new Date(label.slice(0, 10)));
  const time = label.slice(11, 16);
  return time ? `${day}, ${time}` : day;
}

/**
 * A bucket's label as the axis shows it. Hours show no date where all are of one day, and days no year where all are of one.
 * @param label of the API: 2026-11-25T13:00, 2026-11-25 or 2026-11
 */
export function axisText(label: string, interval: Interval, all: readonly string[]): string {
  const first = all[0]!;
  const last = all.at(-1)!;
  // The label is what the zone's clock shows, whatever it was in UTC.
  const date = new Date(interval === 'month' ? `${label}-01` : label.slice(0, 10));
  if (interval === 'month') return MONTH.format(date);
  if (interval === 'hour') {
    const time = label.slice(11, 16);
    return first.slice(0, 10) === last.slice(0, 10) ? time : `${DAY.format(date)}, ${time}`;
  }
  return first.slice(0, 4) === last.slice(0, 4) ? DAY.format(date) : DAY_OF_YEAR.format(date);
}

/**
 * As many labels as fit side by side, evenly spread.
 * @param texts one for each bucket
 * @param at the middle of each bucket, CSS pixels from the left edge of the chart
 * @param width of the chart, CSS pixels: no label goes beyond
 * @param measure width of a text, CSS pixels
 */
export function ticksOf(
  texts: readonly string[],
  at: readonly number[],
  interval: Interval,
  width: number,
  measure: (text: string) => number,
): Tick[] {
  const place = (i: number): Tick & { right: number } => {
    const wide = measure(texts[i]!);
    const left = Math.max(0, Math.min(at[i]! - wide / 2, width - wide));
    return { text: texts[i]!, left, right: left + wide };
  };
  for (const step of [...STEPS[interval], texts.length]) {
    const ticks = texts.flatMap((_text, i) => (i % step === 0 ? [place(i)] : []));
    if (ticks.every(({ left }, i) => i === 0 || left - ticks[i - 1]!.right >= GAP_PX)) return ticks;
  }
  return [];
}

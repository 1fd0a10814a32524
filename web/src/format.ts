const LOCALE = navigator.language;
/** The reader's own zone. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const FULL = new Intl.NumberFormat(LOCALE);
const SHORT = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const TENTHS = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 });
const SHORT_FROM = 100_000;

export const full = (n: number): string => FULL.format(n);
/** Full up to 99,999, then short: the full number belongs in a title. */
export const figure = (n: number): string => (n < SHORT_FROM ? FULL.format(n) : SHORT.format(n));
/** 1 event, 2 events. */
export const counted = (n: number, noun: string): string => `${FULL.format(n)} ${noun}${n === 1 ? '' : 's'}`;
const NAMED_MAX = 10;
/** Names one after the other; how many there are where they are too many to read. */
export const named = (of: readonly { name: string }[]): string =>
  of.length > NAMED_MAX ? counted(of.length, 'app') : of.map(({ name }) => name).join(', ');
export const tenths = (n: number): string => TENTHS.format(n);
export const percent = (share: number): string => PERCENT.format(share);

/** The change against before, in words; undefined where there was nothing before. */
export function change(now: number, before: number): { text: string; direction: 'up' | 'down' | 'same' } | undefined {
  if (before === 0) return undefined;
  const share = (now - before) / before;
  if (Math.abs(share) < 0.0005) return { text: 'as before', direction: 'same' };
  return {
    text: `${PERCENT.format(Math.abs(share))} ${share > 0 ? 'more' : 'fewer'}`,
    direction: share > 0 ? 'up' : 'down',
  };
}

/** A moment in a zone, which is named beside it. */
export function moment(iso: string, timeZone: string): string {
  return new Intl.DateTimeFormat(LOCALE, { timeZone, dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
}

const LENGTHS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** The largest unit of which there is at least one in it. */
function unitOf(seconds: number): (typeof LENGTHS)[number] {
  return LENGTHS.find(([, length]) => Math.abs(seconds) >= length) ?? LENGTHS[3];
}

/** How long ago, or how soon. */
export function since(iso: string): string {
  const seconds = Math.round((Date.parse(iso) - Date.now()) / 1000);
  const [unit, length] = unitOf(seconds);
  return new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' }).format(Math.round(seconds / length), unit);
}

/** A length of time. */
export function duration(ms: number): string {
  const [unit, length] = unitOf(ms / 1000);
  return inUnit(unit, ms / 1000 / length);
}

const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** In the largest unit of which there is at least one, powers of 1,000. */
export function bytes(n: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(n, 1)) / 3), BYTES.length - 1);
  return inUnit(BYTES[power]!, n / 1000 ** power);
}

function inUnit(unit: string, n: number): string {
  return new Intl.NumberFormat(LOCALE, { style: 'unit', unit, maximumFractionDigits: 1 }).format(n);
}

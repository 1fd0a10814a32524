import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { AppInfo } from './app.js';

/** What a view is of: kept in the URL, so that a link shows the same. */
export interface View {
  app?: string;
  range: Range;
  from?: string;
  to?: string;
  zone?: string;
  compare: boolean;
  filters: readonly Filter[];
}

export const RANGES = { today: 1, '7d': 7, '30d': 30, '90d': 90 } as const;
export type Range = keyof typeof RANGES | 'custom';

export const FILTERS = ['event', 'url', 'referrerHost', 'device', 'browser', 'os', 'utmSource'] as const;
export type FilterName = (typeof FILTERS)[number];
export interface Filter {
  name: FilterName;
  value: string;
}

export function useView(): [View, (change: Partial<View>) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const view = useMemo(() => read(new URLSearchParams(search)), [search]);
  const change = useCallback(
    (part: Partial<View>) => navigate(`${path}${write({ ...view, ...part })}`, { replace: false }),
    [navigate, path, view],
  );
  return [view, change];
}

function read(query: URLSearchParams): View {
  const range = query.get('range') ?? '30d';
  return {
    app: query.get('app') ?? undefined,
    range: range === 'custom' || Object.hasOwn(RANGES, range) ? (range as Range) : '30d',
    from: query.get('from') ?? undefined,
    to: query.get('to') ?? undefined,
    zone: query.get('zone') ?? undefined,
    compare: query.get('compare') !== 'none',
    filters: FILTERS.flatMap((name) => query.getAll(name).map((value) => ({ name, value }))),
  };
}

/** With the question mark; '' when all is as by default. */
export function write({ app, range, from, to, zone, compare, filters }: View): string {
  const query = new URLSearchParams();
  if (app) query.set('app', app);
  if (range !== '30d') query.set('range', range);
  if (range === 'custom' && from) query.set('from', from);
  if (range === 'custom' && to) query.set('to', to);
  if (zone) query.set('zone', zone);
  if (!compare) query.set('compare', 'none');
  for (const { name, value } of filters) query.append(name, value);
  const text = query.toString();
  return text ? `?${text}` : '';
}

/** Whole days of the zone, the last one included. */
export function daysOf({ range, from, to }: View, zone: string): { startDate: string; endDate: string } {
  const today = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(new Date());
  if (range === 'custom' && from && to && from <= to) return { startDate: from, endDate: to };
  const days = range === 'custom' ? 30 : RANGES[range];
  const first = new Date(Date.parse(today) - (days - 1) * 86_400_000).toISOString().slice(0, 10);
  return { startDate: first, endDate: today };
}

export interface Asked {
  startDate: string;
  endDate: string;
  timezone: string;
  appId?: string;
}

/** The zone of the view: as asked, the app's, the one that all apps share, else UTC. */
export function zoneOf(view: View, apps: AppInfo[], app?: AppInfo): string {
  const zones = new Set(apps.map(({ timeZone }) => timeZone));
  return view.zone ?? app?.timeZone ?? (zones.size === 1 ? apps[0]!.timeZone : 'UTC');
}

/** The page of one user, in the view that is shown. */
export function userHref(view: View, user: string): string {
  const base = write(view);
  return `/users${base}${base ? '&' : '?'}user=${encodeURIComponent(user)}`;
}

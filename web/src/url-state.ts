import { useCallback, useEffect, useMemo, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { AppInfo, Schemas } from './api.js';

/** What a view is of: kept in the URL, so that a link shows the same. */
export interface View {
  app?: string;
  range: Range;
  from?: string;
  to?: string;
  zone?: string;
  compare: boolean;
  filters: readonly Filter[];
  /** Of the page Users: whose timeline is shown, or what is searched for. */
  user?: string;
  search?: string;
}

export const DAY_MS = 86_400_000;

export const RANGES = { today: 1, '7d': 7, '30d': 30, '90d': 90 } as const;
export type Range = keyof typeof RANGES | 'custom';

export const FILTERS = ['event', 'url', 'referrerHost', 'device', 'browser', 'os', 'utmSource'] as const;
export type FilterName = (typeof FILTERS)[number];
export interface Filter {
  name: FilterName;
  value: string;
}

/** @returns the view, and how to change a part of it; `replace`: without a step back in the browser's history */
export function useView(): [View, (change: Partial<View>, options?: { replace: boolean }) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const view = useMemo(() => read(new URLSearchParams(search)), [search]);
  const change = useCallback(
    (part: Partial<View>, options = { replace: false }) => navigate(`${path}${write({ ...view, ...part })}`, options),
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
    filters: FILTERS.flatMap((name) => [...new Set(query.getAll(name))].map((value) => ({ name, value }))),
    user: query.get('user') ?? undefined,
    search: query.get('search') ?? undefined,
  };
}

/** With the question mark; '' when all is as by default. */
export function write({ app, range, from, to, zone, compare, filters, user, search }: View): string {
  const query = new URLSearchParams();
  if (app) query.set('app', app);
  if (range !== '30d') query.set('range', range);
  if (range === 'custom' && from) query.set('from', from);
  if (range === 'custom' && to) query.set('to', to);
  if (zone) query.set('zone', zone);
  if (!compare) query.set('compare', 'none');
  for (const { name, value } of filters) query.append(name, value);
  if (user !== undefined) query.set('user', user);
  if (search) query.set('search', search);
  const text = query.toString();
  return text ? `?${text}` : '';
}

type FilterQuery = Partial<Record<Exclude<FilterName, 'device'>, string[]>> & {
  device?: Schemas['ListedEventDto']['device'][];
};

/** As the API takes them: values by the name of the filter. A link may name anything: what is no device it says itself. */
export function filterQuery(filters: readonly Filter[]): FilterQuery {
  const query: Partial<Record<FilterName, string[]>> = {};
  for (const { name, value } of filters) (query[name] ??= []).push(value);
  return query as FilterQuery;
}

/** Filters with one more; one that is there already changes nothing. */
export function withFilter(filters: readonly Filter[], { name, value }: Filter): readonly Filter[] {
  return filters.some((one) => one.name === name && one.value === value) ? filters : [...filters, { name, value }];
}

/** The present day in the zone, also when the page is left open over midnight. */
function useToday(zone: string): string {
  const [today, setToday] = useState(() => dayIn(zone));
  useEffect(() => {
    setToday(dayIn(zone));
    const timer = setInterval(() => setToday(dayIn(zone)), 30_000);
    return () => clearInterval(timer);
  }, [zone]);
  return today;
}

function dayIn(zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(new Date());
}

/** What the view asks of the API: whole days of the zone, the last one included. */
export function useAsked(view: View, zone: string, app?: AppInfo): Asked {
  const today = useToday(zone);
  return { ...daysOf(view, today), timezone: zone, ...(app ? { appId: app.id } : {}) };
}

function daysOf({ range, from, to }: View, today: string): { startDate: string; endDate: string } {
  if (range === 'custom' && from && to && from <= to) return { startDate: from, endDate: to };
  const days = range === 'custom' ? 30 : RANGES[range];
  const first = new Date(Date.parse(today) - (days - 1) * DAY_MS).toISOString().slice(0, 10);
  return { startDate: first, endDate: today };
}

export interface Asked {
  startDate: string;
  endDate: string;
  timezone: string;
  appId?: string;
}

/** The zone of the view: as asked, the app's, the one that all apps share; UTC where this browser does not know it. */
export function zoneOf(view: View, apps: AppInfo[], app?: AppInfo): string {
  const zones = new Set(apps.map(({ timeZone }) => timeZone));
  const zone = view.zone ?? app?.timeZone ?? (zones.size === 1 ? apps[0]!.timeZone : 'UTC');
  return isZone(zone) ? zone : 'UTC';
}

/** The page of one user, in the view that is shown. */
export function userHref(view: View, user: string): string {
  return `/users${write({ ...view, user, search: undefined })}`;
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

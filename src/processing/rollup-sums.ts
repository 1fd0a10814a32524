import { ALL_EVENTS } from '../database/all-events.js';
import type { AcceptedEvent, Device, UserKind } from '../events/event.js';
import { userKeyHex } from './user-keys.js';
import { QUARTER_MS } from '../events/limits.js';

export interface SummaryCell {
  appId: string;
  event: string;
  quarter: number;
  device: Device;
  n: number;
}

export interface UserCell {
  appId: string;
  userKey: string;
  userKind: UserKind;
  userValue: string;
  totalEvents: number;
  firstSeen: number;
  lastSeen: number;
  lastId: string;
  device: Device;
  browser?: string;
  os?: string;
  ip?: string;
}

export interface RollupSums {
  summary: SummaryCell[];
  people: UserCell[];
}

/** What is summed of one event name in one app. */
interface NameSums {
  appId: string;
  event: string;
  /** By quarter-hour and device. */
  quarters: Map<number, Map<Device, number>>;
}

/**
 * What a set of events adds to the rollups, each list sorted by its table's primary key so that concurrent workers lock
 * rows in one order. The name '' stands for all events.
 */
export function sumRollups(events: readonly AcceptedEvent[]): RollupSums {
  const apps = new Map<string, Map<string, NameSums>>();
  const people = new Map<string, UserCell>();
  for (const event of events) {
    const key = userKeyHex(event.userKind, event.userValue);
    addToNames(apps, event, ALL_EVENTS);
    addToNames(apps, event, event.event);
    addToPeople(people, event, key);
  }
  const names = [...apps.values()].flatMap((of) => [...of.values()]);
  const ordered = names
    .map((sums) => ({ sums, order: `${sums.appId}${Buffer.from(sums.event).toString('hex')}` }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ sums }) => sums);
  return {
    summary: ordered.flatMap(summaryCells),
    people: sorted(people),
  };
}

function addToNames(apps: Map<string, Map<string, NameSums>>, event: AcceptedEvent, name: string): void {
  const { appId, device } = event;
  const names = upsert(apps, appId, () => new Map<string, NameSums>());
  const sums = upsert(names, name, () => ({ appId, event: name, quarters: new Map() }));
  const quarter = Math.floor(event.occurredAt / QUARTER_MS);
  addOne(
    upsert(sums.quarters, quarter, () => new Map<Device, number>()),
    device,
  );
}

function summaryCells({ appId, event, quarters }: NameSums): SummaryCell[] {
  return inOrder(quarters).flatMap(([quarter, devices]) =>
    byDevice(devices).map(([device, n]) => ({ appId, event, quarter, device, n })),
  );
}

function inOrder<T>(cells: Map<number, T>): [number, T][] {
  return [...cells].sort(([a], [b]) => a - b);
}

function byDevice(devices: Map<Device, number>): [Device, number][] {
  return [...devices].sort(([a], [b]) => (a < b ? -1 : 1));
}

function addOne(counts: Map<Device, number>, device: Device): void {
  counts.set(device, (counts.get(device) ?? 0) + 1);
}

function upsert<K, V>(map: Map<K, V>, key: K, begin: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = begin()));
  return value;
}

function addToPeople(cells: Map<string, UserCell>, event: AcceptedEvent, userKey: string): void {
  const key = event.appId + userKey;
  const cell = cells.get(key);
  if (!cell) {
    cells.set(key, { appId: event.appId, userKey, totalEvents: 1, firstSeen: event.occurredAt, ...latest(event) });
    return;
  }
  cell.totalEvents += 1;
  cell.firstSeen = Math.min(cell.firstSeen, event.occurredAt);
  const later = event.occurredAt > cell.lastSeen || (event.occurredAt === cell.lastSeen && event.id > cell.lastId);
  if (later) Object.assign(cell, latest(event));
}

/** What is known of a person from the newest event. */
function latest(event: AcceptedEvent) {
  return {
    userKind: event.userKind,
    userValue: event.userValue,
    lastSeen: event.occurredAt,
    lastId: event.id,
    device: event.device,
    browser: event.browser,
    os: event.os,
    ip: event.ip,
  };
}

function sorted<T>(cells: Map<string, T>): T[] {
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}

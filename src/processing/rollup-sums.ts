import type { AcceptedEvent, Device, UserKind } from '../events/event.js';
import { userKey } from '../events/distinct-user.js';
import { QUARTERS_A_DAY } from '../database/seen-users.js';
import { QUARTER_MS } from '../events/limits.js';

/** The event name that stands for all events in the rollups. */
export const ALL_EVENTS = '';

export interface SummaryCell {
  appId: string;
  event: string;
  quarter: number;
  device: Device;
  n: number;
}

export interface DayCell {
  appId: string;
  event: string;
  day: number;
  device: Device;
  n: number;
}

export interface UsersCell {
  appId: string;
  event: string;
  day: number;
  /** User key and quarter-hour of the day, each pair once. */
  seen: [userKey: string, quarter: number][];
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
  days: DayCell[];
  users: UsersCell[];
  people: UserCell[];
}

/**
 * What a set of events adds to the rollups, each list sorted by its table's primary key so that concurrent workers lock
 * rows in one order. The name '' stands for all events.
 */
export function sumRollups(events: readonly AcceptedEvent[]): RollupSums {
  const summary = new Map<string, SummaryCell>();
  const days = new Map<string, DayCell>();
  const users = new Map<string, UsersCell>();
  const people = new Map<string, UserCell>();
  const sighted = new Set<string>();
  const sortedName = nameSorter();
  for (const event of events) {
    const { appId, device } = event;
    const key = userKey(event.userKind, event.userValue).toString('hex');
    const quarter = Math.floor(event.occurredAt / QUARTER_MS);
    const day = Math.floor(quarter / QUARTERS_A_DAY);
    for (const name of [ALL_EVENTS, event.event]) {
      const cell = `${appId}${sortedName(name)} `;
      addOne(summary, `${cell}${padded(quarter)}${device}`, () => ({ appId, event: name, quarter, device, n: 0 }));
      const cellOfDay = `${cell}${padded(day)}`;
      addOne(days, cellOfDay + device, () => ({ appId, event: name, day, device, n: 0 }));
      const seen = `${cellOfDay}${key}${quarter}`;
      if (sighted.has(seen)) continue;
      sighted.add(seen);
      const sightings = users.get(cellOfDay)?.seen;
      if (sightings) sightings.push([key, quarter % QUARTERS_A_DAY]);
      else users.set(cellOfDay, { appId, event: name, day, seen: [[key, quarter % QUARTERS_A_DAY]] });
    }
    addToPeople(people, event, key);
  }
  return { summary: sorted(summary), days: sorted(days), users: sorted(users), people: sorted(people) };
}

function addOne<Cell extends { n: number }>(cells: Map<string, Cell>, key: string, begin: () => Cell): void {
  let cell = cells.get(key);
  if (!cell) cells.set(key, (cell = begin()));
  cell.n += 1;
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

/** Names as texts that order as their bytes do, as the primary keys order them. */
function nameSorter(): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let text = known.get(name);
    if (text === undefined) known.set(name, (text = Buffer.from(name).toString('hex')));
    return text;
  };
}

/** Texts that order as the numbers do. */
function padded(number: number): string {
  return String(number).padStart(10, '0');
}

function sorted<T>(cells: Map<string, T>): T[] {
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}

import type { AcceptedEvent, Device, UserKind } from '../events/event.js';
import { userKey } from '../events/distinct-user.js';
import { DAY_MS, QUARTER_MS } from '../events/limits.js';

/** The event name that stands for all events in the rollups. */
export const ALL_EVENTS = '';

const QUARTERS_A_HALF_DAY = 48;

export interface SummaryCell {
  appId: string;
  event: string;
  quarter: number;
  device: Device;
  n: number;
}

export interface UsersCell {
  appId: string;
  event: string;
  day: number;
  userKey: string;
  seen0: bigint;
  seen1: bigint;
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
  users: UsersCell[];
  people: UserCell[];
}

/**
 * What a set of events adds to the rollups, each list sorted by its table's primary key so that concurrent workers lock
 * rows in one order. The name '' stands for all events.
 */
export function sumRollups(events: readonly AcceptedEvent[]): RollupSums {
  const summary = new Map<string, SummaryCell>();
  const users = new Map<string, UsersCell>();
  const people = new Map<string, UserCell>();
  for (const event of events) {
    const key = userKey(event.userKind, event.userValue).toString('hex');
    for (const name of [ALL_EVENTS, event.event]) {
      addToSummary(summary, event, name);
      addToUsers(users, event, name, key);
    }
    addToPeople(people, event, key);
  }
  return { summary: sorted(summary), users: sorted(users), people: sorted(people) };
}

function addToSummary(cells: Map<string, SummaryCell>, event: AcceptedEvent, name: string): void {
  const quarter = Math.floor(event.occurredAt / QUARTER_MS);
  const key = sortKey(event.appId, name, quarter, event.device);
  const cell = cells.get(key);
  if (cell) cell.n += 1;
  else cells.set(key, { appId: event.appId, event: name, quarter, device: event.device, n: 1 });
}

function addToUsers(cells: Map<string, UsersCell>, event: AcceptedEvent, name: string, userKey: string): void {
  const day = Math.floor(event.occurredAt / DAY_MS);
  const key = sortKey(event.appId, name, day, userKey);
  let cell = cells.get(key);
  if (!cell) cells.set(key, (cell = { appId: event.appId, event: name, day, userKey, seen0: 0n, seen1: 0n }));
  const quarter = Math.floor((event.occurredAt - day * DAY_MS) / QUARTER_MS);
  if (quarter < QUARTERS_A_HALF_DAY) cell.seen0 |= 1n << BigInt(quarter);
  else cell.seen1 |= 1n << BigInt(quarter - QUARTERS_A_HALF_DAY);
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

/** Texts that order as the primary keys do: names by their bytes, numbers padded. */
function sortKey(appId: string, name: string, number: number, last: string): string {
  return `${appId}${Buffer.from(name).toString('hex')} ${String(number).padStart(10, '0')}${last}`;
}

function sorted<T>(cells: Map<string, T>): T[] {
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}

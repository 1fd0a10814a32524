import type { AcceptedEvent } from '../../src/events/event.js';
import { userKey } from '../../src/events/distinct-user.js';
import type { Stack } from './stack.js';

/** Every rollup as plain text lines, so that two of them compare at a glance. */
export interface Counts {
  summary: string[];
  users: string[];
  people: string[];
}

/** Counts a list of events the slow and obvious way, without a line of the product's own sums. */
export function countNaively(events: AcceptedEvent[]): Counts {
  const first = new Map<string, AcceptedEvent>();
  for (const event of events) {
    const key = `${event.appId} ${event.id}`;
    if (!first.has(key)) first.set(key, event);
  }
  const counted = [...first.values()];
  const summary = new Map<string, number>();
  const seen = new Map<string, Set<number>>();
  const people = new Map<string, AcceptedEvent[]>();
  for (const event of counted) {
    const user = userKey(event.userKind, event.userValue).toString('hex');
    const quarter = Math.floor(event.occurredAt / 900_000);
    for (const name of ['', event.event]) {
      const cell = `${event.appId} ${name} ${quarter} ${event.device}`;
      summary.set(cell, (summary.get(cell) ?? 0) + 1);
      const day = `${event.appId} ${name} ${Math.floor(quarter / 96)} ${user}`;
      seen.set(day, (seen.get(day) ?? new Set()).add(quarter % 96));
    }
    const person = `${event.appId} ${user}`;
    const own = people.get(person);
    if (own) own.push(event);
    else people.set(person, [event]);
  }
  return {
    summary: [...summary].map(([cell, n]) => `${cell} ${n}`).sort(),
    users: [...seen].map(([cell, quarters]) => `${cell} ${[...quarters].sort((a, b) => a - b).join()}`).sort(),
    people: [...people].map(([person, own]) => `${person} ${describe(own)}`).sort(),
  };
}

function describe(events: AcceptedEvent[]): string {
  const ordered = [...events].sort((a, b) => a.occurredAt - b.occurredAt || (a.id < b.id ? -1 : 1));
  const last = ordered.at(-1)!;
  return [events.length, ordered[0]!.occurredAt, last.occurredAt, last.id, last.device, last.browser ?? '-'].join(' ');
}

/** The rollups as they are stored. */
export async function storedCounts(stack: Stack): Promise<Counts> {
  const summary = await stack.query<Record<string, string>>(
    'SELECT HEX(app_id) AS app, CONVERT(event USING utf8mb4) AS event, quarter, device, n FROM event_summary',
  );
  const users = await stack.query<Record<string, string>>(
    'SELECT HEX(app_id) AS app, CONVERT(event USING utf8mb4) AS event, day, HEX(user_key) AS user, seen0, seen1 FROM event_users',
  );
  const people = await stack.query<Record<string, string>>(
    `SELECT HEX(app_id) AS app, HEX(user_key) AS user, total_events AS n, ROUND(UNIX_TIMESTAMP(first_seen) * 1000) AS first,
      ROUND(UNIX_TIMESTAMP(last_seen) * 1000) AS last, HEX(last_id) AS id, device, COALESCE(browser, '-') AS browser
    FROM user_analytics`,
  );
  return {
    summary: summary.map((r) => `${lower(r.app)} ${r.event} ${r.quarter} ${r.device} ${r.n}`).sort(),
    users: users
      .map((r) => `${lower(r.app)} ${r.event} ${r.day} ${lower(r.user)} ${bits(r.seen0!, r.seen1!).join()}`)
      .sort(),
    people: people
      .map((r) =>
        [lower(r.app), lower(r.user), r.n, Number(r.first), Number(r.last), lower(r.id), r.device, r.browser].join(' '),
      )
      .sort(),
  };
}

function bits(seen0: string, seen1: string): number[] {
  const both = BigInt(seen0) | (BigInt(seen1) << 48n);
  return Array.from({ length: 96 }, (_none, bit) => bit).filter((bit) => (both >> BigInt(bit)) & 1n);
}

function lower(hex: string | undefined): string {
  return hex!.toLowerCase();
}

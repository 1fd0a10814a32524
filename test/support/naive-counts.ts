import type { AcceptedEvent } from '../../src/events/event.js';
import { userKey } from '../../src/events/distinct-user.js';
import type { Stack } from './stack.js';

/** Every rollup as plain text lines, so that two of them compare at a glance. */
export interface Counts {
  summary: string[];
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
  const people = new Map<string, AcceptedEvent[]>();
  for (const event of counted) {
    const user = userKey(event.userKind, event.userValue).toString('hex');
    const quarter = Math.floor(event.occurredAt / 900_000);
    for (const name of ['', event.event]) {
      const cell = `${event.appId} ${name} ${quarter} ${event.device}`;
      summary.set(cell, (summary.get(cell) ?? 0) + 1);
    }
    const person = `${event.appId} ${user}`;
    const own = people.get(person);
    if (own) own.push(event);
    else people.set(person, [event]);
  }
  return {
    summary: [...summary].map(([cell, n]) => `${cell} ${n}`).sort(),
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
  const people = await stack.query<Record<string, string>>(
    `SELECT HEX(app_id) AS app, HEX(user_key) AS user, total_events AS n, ROUND(UNIX_TIMESTAMP(first_seen) * 1000) AS first,
      ROUND(UNIX_TIMESTAMP(last_seen) * 1000) AS last, HEX(last_id) AS id, device, COALESCE(browser, '-') AS browser
    FROM user_analytics`,
  );
  return {
    summary: summary.map((r) => `${lower(r.app)} ${r.event} ${r.quarter} ${r.device} ${r.n}`).sort(),
    people: people
      .map((r) =>
        [lower(r.app), lower(r.user), r.n, Number(r.first), Number(r.last), lower(r.id), r.device, r.browser].join(' '),
      )
      .sort(),
  };
}

function lower(hex: string | undefined): string {
  return hex!.toLowerCase();
}

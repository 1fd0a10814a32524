import { Injectable } from '@nestjs/common';
import { lowestId } from '../events/event-id.js';
import type { Asker } from '../questions/asker.js';
import { Questions } from '../questions/questions.js';
import type { AskedApp } from './analytics-scope.js';
import { CopiedEvents } from './copied-events.js';
import { type EventSlice, eventSlice, idSlice, sliceEnd } from './queries/event-slice.js';
import type { ListedEvent } from './queries/listed-event.js';
import { PAST_EVERY_ID, type RawRange } from './raw-range.js';
import type { Period } from './read-model/asked-rows.js';
import { type ExportCursor, exportKeys, type ExportRow } from './read-model/event-keys.js';
import type { AskedFilters } from './read-model/filters.js';

/** A slice holds about this much, in bytes: it stays in memory for as long as a slow client takes to read it. */
const SLICE_BYTES = 1024 * 1024;
/** Events of the first slice, before it is known how large they are: of the largest 3 MiB. */
const FIRST_SLICE = 100;
/** The fewest and the most events of a slice. */
const SLICE_MIN = 25;
const SLICE_MAX = 500;
/** About what an event takes beside its metadata, bytes. */
const EVENT_BYTES = 500;
/** Events among which those of clocks that ran fast are looked for, in one statement. */
const LOOKED_THROUGH = 20_000;
/** Ids of filtered events that one question of ClickHouse answers. */
const IDS_AT_ONCE = 5000;

type Who = Pick<Asker, 'account' | 'gone'>;

/** Reads the events of exports slice by slice, app by app, each slice of about a megabyte. */
@Injectable()
export class ExportSlices {
  constructor(
    private readonly questions: Questions,
    private readonly copied: CopiedEvents,
  ) {}

  /** From MySQL alone, so it works without ClickHouse: oldest first, then events of clocks that ran fast. */
  async *all(ended: AbortSignal, apps: readonly AskedApp[], range: RawRange): AsyncGenerator<ListedEvent[]> {
    const size = new SliceSize();
    for (const app of apps) {
      const asker = { account: app.ownerId, gone: ended };
      const slice = { ...range, appId: app.id, from: firstId(app, range), before: range.beforeId };
      for (let from: Buffer | undefined = slice.from; from;) {
        const rest: EventSlice = { ...slice, from };
        const count = size.events;
        const { events, end } = await this.questions.ask(asker, { apps: 1, isPatient: true }, async (manager) => {
          const until = await sliceEnd(manager, rest, count);
          return { events: await eventSlice(manager, { ...rest, before: until ?? rest.before }), end: until };
        });
        yield events;
        size.learn(count, events);
        from = end;
      }
      if (range.occurredBefore !== undefined) yield* this.ofFastClocks(asker, slice, size);
    }
  }

  /** Takes ids from ClickHouse, by UTC days and within a day by ids. @throws ReadModelUnavailableError */
  async *filtered(
    ended: AbortSignal,
    apps: readonly AskedApp[],
    period: Period,
    filters: AskedFilters,
  ): AsyncGenerator<ListedEvent[]> {
    const size = new SliceSize();
    for (const app of apps) {
      const asker = { account: app.ownerId, gone: ended };
      for (let after: ExportCursor | undefined, isMore = true; isMore;) {
        const question = exportKeys(app, period, filters, after, IDS_AT_ONCE, Date.now());
        const rows = await this.copied.ask<ExportRow>(asker, question, { isHeavy: true, isPatient: true });
        const ids = rows.map(({ hexId }) => hexId);
        yield* this.byIds(asker, app.id, ids, size);
        const last = rows.at(-1);
        after = last && { day: last.day, id: last.hexId };
        isMore = rows.length === IDS_AT_ONCE;
      }
    }
  }

  /** These events have ids after those of the range. Their times are looked at, and few rows are read. */
  private async *ofFastClocks(
    asker: Who,
    { before, ...slice }: EventSlice,
    size: SliceSize,
  ): AsyncGenerator<ListedEvent[]> {
    for (let from: Buffer | undefined = before; from;) {
      const rest: EventSlice = { ...slice, from, before: PAST_EVERY_ID };
      const { ids, end } = await this.questions.ask(asker, { apps: 1, isPatient: true }, async (manager) => {
        const until = await sliceEnd(manager, rest, LOOKED_THROUGH);
        return { ids: await idSlice(manager, { ...rest, before: until ?? rest.before }), end: until };
      });
      yield* this.byIds(asker, slice.appId, ids, size);
      from = end;
    }
  }

  private async *byIds(
    asker: Who,
    appId: string,
    ids: readonly string[],
    size: SliceSize,
  ): AsyncGenerator<ListedEvent[]> {
    for (let at = 0; at < ids.length;) {
      const keys = ids.slice(at, at + size.events).map((id) => ({ appId, id }));
      const events = await this.copied.rows(asker, keys, true);
      yield events;
      at += keys.length;
      size.learn(keys.length, events);
    }
  }
}

/** How many events make a slice of about {@link SLICE_BYTES}. */
class SliceSize {
  events = FIRST_SLICE;

  /** @param looked how many events the last slice could have held */
  learn(looked: number, events: readonly ListedEvent[]): void {
    const bytes = events.reduce((sum, { metadata }) => sum + EVENT_BYTES + (metadata?.length ?? 0), 0);
    const fitting = bytes === 0 ? SLICE_MAX : Math.floor((looked * SLICE_BYTES) / bytes);
    this.events = Math.min(Math.max(fitting, SLICE_MIN), 2 * this.events, SLICE_MAX);
  }
}

/** Leaves out expired events that retention has not deleted yet. */
function firstId({ deletedBefore }: AskedApp, { fromId }: RawRange): Buffer {
  const fence = lowestId(deletedBefore?.getTime() ?? 0);
  return Buffer.compare(fence, fromId) > 0 ? fence : fromId;
}

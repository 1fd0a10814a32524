import { Readable } from 'node:stream';
import { Injectable, StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import type { FastifyRequest } from 'fastify';
import { SHOWN_FIELDS } from '../events/event-columns.js';
import type { Asker } from '../questions/asker.js';
import { Questions } from '../questions/questions.js';
import { AnalyticsScope, type AskedApp, commonZone } from './analytics-scope.js';
import { csvCell } from './csv-cell.js';
import { EXPORT_TYPES, type ExportFormat, type ExportQuery } from './event-export.dto.js';
import { unparsedDto } from './event-list.dto.js';
import { ExportPace } from './export-pace.js';
import { filtersOf } from './filters.dto.js';
import { type OpenStream, OpenStreams } from './open-streams.js';
import type { EventFilters } from './queries/event-filters.js';
import { eventSlice, SLICE_MAX, sliceEnd } from './queries/event-slice.js';
import type { ListedEvent } from './queries/listed-event.js';
import { type RawRange, rawRange } from './raw-range.js';
import { timeRange } from './time-range.js';

/**
 * RFC 4180; what a spreadsheet would run is text (csv-cell.ts). A line break of any kind is quoted, or what follows it would
 * be a row of its own.
 */
const CSV = {
  columns: [...SHOWN_FIELDS],
  cast: { string: csvCell },
  record_delimiter: 'windows',
  quoted_match: /[\r\n]/,
} as const;

/** A slice holds about this much, in bytes: it stays in memory for as long as a slow client takes to read it. */
const SLICE_BYTES = 1024 * 1024;
/** Events of the first slice, before it is known how large they are: of the largest 3 MiB. */
const FIRST_SLICE = 100;
/** The fewest events of a slice, and what one takes beside its metadata, in bytes: roughly. */
const SLICE_MIN = 25;
const EVENT_BYTES = 500;

/** Writes out events slice by slice, no faster than they are read: neither their number nor a slow reader takes memory. */
@Injectable()
export class EventExport {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly streams: OpenStreams,
    private readonly questions: Questions,
    private readonly pace: ExportPace,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's, AppError 429 */
  async export(asker: Asker, query: ExportQuery, request: FastifyRequest): Promise<StreamableFile> {
    const apps = await this.scope.ask(asker, query.appId, (_manager, found) => Promise.resolve(found));
    const range = rawRange(timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps)));
    const format = query.format ?? 'csv';
    const appIds = apps.map(({ id }) => id);
    const stream = this.streams.watch(request, appIds);
    const pieces = this.write(format, apps, range, query, stream);
    const readable = Readable.from(pieces, { objectMode: false }).once('close', () => stream.close());
    return new StreamableFile(readable, {
      type: `${EXPORT_TYPES[format]}; charset=utf-8`,
      disposition: `attachment; filename="events.${format}"`,
    });
  }

  /** App by app, oldest first. */
  private async *write(
    format: ExportFormat,
    apps: readonly AskedApp[],
    range: RawRange | undefined,
    query: ExportQuery,
    { ended }: OpenStream,
  ): AsyncGenerator<string> {
    if (format === 'csv') yield stringify([], { ...CSV, header: true, bom: true });
    if (!range) return;
    const { fromId, beforeId, occurredFrom, occurredBefore } = range;
    const filters: EventFilters = { ...filtersOf(query), occurredFrom, occurredBefore };
    let size = FIRST_SLICE;
    for (const { id: appId, ownerId } of apps) {
      for (let from: Buffer | undefined = fromId; from;) {
        ended.throwIfAborted();
        const start: Buffer = from;
        const count: number = size;
        const slice = { account: ownerId, gone: ended };
        const { events, until } = await this.questions.ask(slice, { apps: 1, isPatient: true }, async (manager) => {
          const end = await sliceEnd(manager, appId, start, beforeId, count);
          return { events: await eventSlice(manager, appId, start, end ?? beforeId, filters), until: end };
        });
        yield* this.pace.pieces(events, format === 'csv' ? csv : ndjson);
        size = nextSize(size, events);
        from = until;
      }
    }
  }
}

/** How many events to look at next, so that they hold about {@link SLICE_BYTES}. @param size how many were looked at */
function nextSize(size: number, events: readonly ListedEvent[]): number {
  const bytes = events.reduce((sum, { metadata }) => sum + EVENT_BYTES + (metadata?.length ?? 0), 0);
  const fitting = bytes === 0 ? SLICE_MAX : Math.floor((size * SLICE_BYTES) / bytes);
  return Math.min(Math.max(fitting, SLICE_MIN), 2 * size, SLICE_MAX);
}

function csv(event: ListedEvent): string {
  return stringify([unparsedDto(event)], CSV);
}

/** Metadata is JSON already: it goes in as it lies there. */
function ndjson(event: ListedEvent): string {
  const { metadata, ...rest } = unparsedDto(event);
  return `${JSON.stringify(rest).slice(0, -1)},"metadata":${metadata ?? 'null'}}\n`;
}

import { Readable } from 'node:stream';
import { Injectable, StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/caller.js';
import { AnalyticsScope, commonZone } from './analytics-scope.js';
import { EXPORT_TYPES, type ExportFormat, type ExportQuery } from './event-export.dto.js';
import { type ListedEventDto, listedDto } from './event-list.dto.js';
import { filtersOf } from './filters.dto.js';
import { OpenStreams } from './open-streams.js';
import type { EventFilters } from './queries/event-filters.js';
import { eventSlice, sliceEnd } from './queries/event-slice.js';
import { type RawRange, rawRange } from './raw-range.js';
import { timeRange } from './time-range.js';

const COLUMNS = [
  ...['id', 'appId', 'event', 'occurredAt', 'receivedAt', 'eventId', 'userId', 'anonymousId', 'sessionId'],
  ...['url', 'referrer', 'device', 'browser', 'os', 'ip', 'metadata'],
] as const satisfies readonly (keyof ListedEventDto)[];

/** Writes out events slice by slice, as fast as they are read: neither their number nor a slow reader takes memory. */
@Injectable()
export class EventExport {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly streams: OpenStreams,
    private readonly dataSource: DataSource,
  ) {}

  /** @throws InvalidInputError, NotFoundError for an app that is not the caller's */
  async export(caller: Caller, query: ExportQuery, request: FastifyRequest): Promise<StreamableFile> {
    const apps = await this.scope.of(caller, query.appId);
    const range = rawRange(timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps)));
    const format = query.format ?? 'csv';
    const ended = this.streams.watch(request, query.appId);
    const pieces = write(
      format,
      this.events(
        apps.map(({ id }) => id),
        range,
        query,
        ended,
      ),
    );
    return new StreamableFile(Readable.from(pieces, { objectMode: false }), {
      type: `${EXPORT_TYPES[format]}; charset=utf-8`,
      disposition: `attachment; filename="events.${format}"`,
    });
  }

  /** App by app, oldest first. */
  private async *events(
    appIds: readonly string[],
    range: RawRange | undefined,
    query: ExportQuery,
    ended: AbortSignal,
  ): AsyncGenerator<ListedEventDto[]> {
    if (!range) return;
    const { fromId, beforeId, occurredFrom, occurredBefore } = range;
    const filters: EventFilters = { ...filtersOf(query), occurredFrom, occurredBefore };
    const { manager } = this.dataSource;
    for (const appId of appIds) {
      for (let from: Buffer | undefined = fromId; from;) {
        ended.throwIfAborted();
        const until: Buffer | undefined = await sliceEnd(manager, appId, from, beforeId);
        yield (await eventSlice(manager, appId, from, until ?? beforeId, filters)).map(listedDto);
        from = until;
      }
    }
  }
}

async function* write(format: ExportFormat, slices: AsyncGenerator<ListedEventDto[]>): AsyncGenerator<string> {
  if (format === 'csv') yield stringify([], { header: true, columns: [...COLUMNS], bom: true });
  for await (const events of slices) if (events.length > 0) yield format === 'csv' ? csv(events) : ndjson(events);
}

/** RFC 4180; what a spreadsheet would run is text (CSV injection, OWASP). */
function csv(events: readonly ListedEventDto[]): string {
  const rows = events.map((event) => ({ ...event, metadata: event.metadata && JSON.stringify(event.metadata) }));
  return stringify(rows, { columns: [...COLUMNS], escape_formulas: true, record_delimiter: 'windows' });
}

function ndjson(events: readonly ListedEventDto[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

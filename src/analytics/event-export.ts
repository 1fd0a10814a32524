import { Readable } from 'node:stream';
import { Injectable, StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import type { FastifyRequest } from 'fastify';
import { SHOWN_FIELDS } from '../events/event-columns.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp, commonZone, idsOf } from './analytics-scope.js';
import { csvCell } from './csv-cell.js';
import { EXPORT_TYPES, type ExportFormat, type ExportQuery } from './event-export.dto.js';
import { unparsedDto } from './event-list.dto.js';
import { ExportPace } from './export-pace.js';
import { ExportSlices } from './export-slices.js';
import { filtersOf, isFiltered } from './filters.dto.js';
import { type OpenStream, OpenStreams } from './open-streams.js';
import type { ListedEvent } from './queries/listed-event.js';
import { rawRange } from './raw-range.js';
import { periodOf } from './read-model/asked-rows.js';
import type { AskedFilters } from './read-model/filters.js';
import { type TimeRange, timeRange } from './time-range.js';

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

/** Writes out events slice by slice, no faster than they are read: neither their number nor a slow reader takes memory. */
@Injectable()
export class EventExport {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly streams: OpenStreams,
    private readonly slices: ExportSlices,
    private readonly pace: ExportPace,
  ) {}

  /**
   * @throws InvalidInputError, NotFoundError for an app that is not the caller's, AppError 429; with filters, which ClickHouse
   *   looks for, ReadModelUnavailableError
   */
  async export(asker: Asker, query: ExportQuery, request: FastifyRequest): Promise<StreamableFile> {
    const apps = await this.scope.ask(asker, query.appId, (_manager, found) => Promise.resolve(found));
    const range = timeRange(query.startDate, query.endDate, query.timezone ?? commonZone(apps));
    const format = query.format ?? 'csv';
    const appIds = idsOf(apps);
    const stream = this.streams.watch(request, appIds);
    try {
      const slices = await this.begin(stream, apps, range, filtersOf(query));
      const pieces = this.write(format, slices, stream);
      const readable = Readable.from(pieces, { objectMode: false }).once('close', () => stream.close());
      return new StreamableFile(readable, {
        type: `${EXPORT_TYPES[format]}; charset=utf-8`,
        disposition: `attachment; filename="events.${format}"`,
      });
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /** The first slice of filtered events is read before the answer begins: a refusal of ClickHouse is told by its status. */
  private async begin(
    { ended }: OpenStream,
    apps: readonly AskedApp[],
    range: TimeRange,
    filters: AskedFilters,
  ): Promise<AsyncIterable<ListedEvent[]>> {
    const [raw, period] = [rawRange(range), periodOf(range)];
    if (!raw || !period || ended.aborted) return Readable.from([]);
    if (!isFiltered(filters)) return this.slices.all(ended, apps, raw);
    const slices = this.slices.filtered(ended, apps, period, filters);
    const first = await slices.next();
    return (async function* () {
      if (first.done) return;
      yield first.value;
      yield* slices;
    })();
  }

  private async *write(
    format: ExportFormat,
    slices: AsyncIterable<ListedEvent[]>,
    { ended }: OpenStream,
  ): AsyncGenerator<string> {
    if (format === 'csv') yield stringify([], { ...CSV, header: true, bom: true });
    for await (const events of slices) {
      yield* this.pace.pieces(events, format === 'csv' ? csv : ndjson);
      ended.throwIfAborted();
    }
  }
}

function csv(event: ListedEvent): string {
  return stringify([unparsedDto(event)], CSV);
}

/** Metadata is JSON already: it goes in as it lies there. */
function ndjson(event: ListedEvent): string {
  const { metadata, ...rest } = unparsedDto(event);
  return `${JSON.stringify(rest).slice(0, -1)},"metadata":${metadata ?? 'null'}}\n`;
}

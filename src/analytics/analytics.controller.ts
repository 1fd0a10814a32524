import { Controller, Get, Header, Param, Query, Req, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ReaderRoute } from '../api-keys/key-route.decorator.js';
import { type Asker, CurrentAsker } from '../questions/asker.js';
import { EventSummaryDto, EventSummaryQuery, ReceiptDto, UserStatsDto, UserStatsQuery } from './analytics.dto.js';
import { BreakdownDto, BreakdownQuery } from './breakdown.dto.js';
import { BreakdownService } from './breakdown.service.js';
import { EventListDto, EventListQuery } from './event-list.dto.js';
import { EventExport } from './event-export.js';
import { EXPORT_TYPES, ExportQuery } from './event-export.dto.js';
import { EventListService } from './event-list.service.js';
import { EventSummaryService } from './event-summary.service.js';
import { LiveQuery } from './live.dto.js';
import { LiveService } from './live.service.js';
import { ReceiptService } from './receipt.service.js';
import { SeriesDto, SeriesQuery } from './series.dto.js';
import { SeriesService } from './series.service.js';
import { TimelineDto, TimelineQuery, UserListDto, UserListQuery } from './user-list.dto.js';
import { UserListService } from './user-list.service.js';
import { UserStatsService } from './user-stats.service.js';

@ApiTags('Analytics')
@Controller('api/analytics')
export class AnalyticsController {
  constructor(
    private readonly summaries: EventSummaryService,
    private readonly users: UserStatsService,
    private readonly receipts: ReceiptService,
    private readonly seriesService: SeriesService,
    private readonly eventList: EventListService,
    private readonly breakdowns: BreakdownService,
    private readonly userList: UserListService,
    private readonly exports: EventExport,
    private readonly liveService: LiveService,
  ) {}

  /**
   * How often something happened, by how many people and on what devices, between two days of your time zone or two
   * times. A user token without app_id covers all of your apps; the same user id in two of them is one user.
   */
  @Get('event-summary')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  eventSummary(@CurrentAsker() asker: Asker, @Query() query: EventSummaryQuery): Promise<EventSummaryDto> {
    return this.summaries.summary(asker, query);
  }

  /**
   * How often something happened, and by how many people, hour by hour, day by day, week by week or month by month of your
   * time zone; several events side by side, and each with the same length of time before it.
   */
  @Get('series')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  series(@CurrentAsker() asker: Asker, @Query() query: SeriesQuery): Promise<SeriesDto> {
    return this.seriesService.series(asker, query);
  }

  /**
   * The most frequent values of a dimension: names of events, pages, referrers, devices, campaigns, or any key of your
   * metadata, each with how often, by how many and its share. Names of events are always answered; of anything else, or
   * filtered, up to 250,000 events are looked at, and a range that holds more is refused (400 `too_many_events`).
   */
  @Get('breakdown')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  breakdown(@CurrentAsker() asker: Asker, @Query() query: BreakdownQuery): Promise<BreakdownDto> {
    return this.breakdowns.breakdown(asker, query);
  }

  /** What is known of one user: totals, the newest device, the ten newest events. */
  @Get('user-stats')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  userStats(@CurrentAsker() asker: Asker, @Query() query: UserStatsQuery): Promise<UserStatsDto> {
    return this.users.stats(asker, query);
  }

  /**
   * The events themselves as a file, oldest first, streamed however many there are: CSV for spreadsheets, or NDJSON, a JSON
   * object a line. In CSV an apostrophe goes before whatever a spreadsheet would take for a formula, at the start of a text
   * and after each `;`, tab or line break in it; NDJSON holds every text as it was sent. The file breaks off within a
   * second when your token, session or app ends: for a long download use a key with `read`.
   */
  @Get('export')
  @Header('cache-control', 'no-store')
  @ApiOkResponse({
    content: Object.fromEntries(Object.values(EXPORT_TYPES).map((type) => [type, { schema: { type: 'string' } }])),
  })
  @ReaderRoute()
  export(
    @CurrentAsker() asker: Asker,
    @Query() query: ExportQuery,
    @Req() request: FastifyRequest,
  ): Promise<StreamableFile> {
    return this.exports.export(asker, query, request);
  }

  /**
   * What happens now, as server-sent events: `counts` (`{total, minutes: [{minute, count}]}`) of the last 30 minutes and
   * `events`, the newest ones as they are stored (as `GET /api/analytics/events` lists them). A comment comes every 15
   * seconds. Send Last-Event-ID to go on where you were. It ends within a second when your token, session or app ends.
   */
  @Get('live')
  @Header('cache-control', 'no-store')
  @Header('x-accel-buffering', 'no')
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  @ReaderRoute()
  live(
    @CurrentAsker() asker: Asker,
    @Query() query: LiveQuery,
    @Req() request: FastifyRequest,
  ): Promise<StreamableFile> {
    return this.liveService.open(asker, query, request);
  }

  /** Who was there, last seen first, page by page; or whose id holds a text. The same user id in two apps is one user. */
  @Get('users')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  listUsers(@CurrentAsker() asker: Asker, @Query() query: UserListQuery): Promise<UserListDto> {
    return this.userList.list(asker, query);
  }

  /** What one user did, newest first, page by page, and on what devices; over all of your apps. */
  @Get('users/timeline')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  timeline(@CurrentAsker() asker: Asker, @Query() query: TimelineQuery): Promise<TimelineDto> {
    return this.userList.timeline(asker, query);
  }

  /**
   * The events themselves, newest first, page by page. In a range that ends, those of a clock that ran over a day fast are
   * not found, here, in `export` and in `breakdown`; they are counted all the same.
   */
  @Get('events')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  events(@CurrentAsker() asker: Asker, @Query() query: EventListQuery): Promise<EventListDto> {
    return this.eventList.list(asker, query);
  }

  /**
   * What became of an event that was answered 202: stored, put among the dead letters, or not known yet. By the id in
   * that answer, or by your own eventId where it is a UUIDv7 sent without a timestamp.
   */
  @Get('events/:id/receipt')
  @Header('cache-control', 'no-store')
  @ReaderRoute('any')
  receipt(@CurrentAsker() asker: Asker, @Param('id') id: string): Promise<ReceiptDto> {
    return this.receipts.receipt(asker, id);
  }
}

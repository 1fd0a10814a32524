import { Controller, Get, Header, Param, Query, Req, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ReaderRoute } from '../access/key-route.decorator.js';
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
   * Count an event. Answers how often it happened, by how many users and on which devices, between two days of the time zone
   * or between two times. A user token without appId covers all of your apps; the same user id in two apps is one user.
   */
  @Get('event-summary')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  getEventSummary(@CurrentAsker() asker: Asker, @Query() query: EventSummaryQuery): Promise<EventSummaryDto> {
    return this.summaries.summary(asker, query);
  }

  /**
   * Count events over time. Answers the events and unique users of each hour, day, week or month of the time zone. Name several
   * events to get them side by side, and ask for the period before to compare.
   */
  @Get('series')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  getSeries(@CurrentAsker() asker: Asker, @Query() query: SeriesQuery): Promise<SeriesDto> {
    return this.seriesService.series(asker, query);
  }

  /**
   * List the most frequent values of a dimension. A dimension is the event name, page, referrer, device, a campaign parameter or a
   * key of your metadata. Each value has its events, unique users and share, however many events the range holds.
   */
  @Get('breakdown')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  getBreakdown(@CurrentAsker() asker: Asker, @Query() query: BreakdownQuery): Promise<BreakdownDto> {
    return this.breakdowns.breakdown(asker, query);
  }

  /** Get the totals of a user. Answers the user's events, newest device and ten newest events. */
  @Get('user-stats')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  getUserStats(@CurrentAsker() asker: Asker, @Query() query: UserStatsQuery): Promise<UserStatsDto> {
    return this.users.stats(asker, query);
  }

  /**
   * Download events. The file holds all events of the range, oldest first by day. Without filters, events of clocks that ran more than a
   * day fast come last. It is CSV for spreadsheets, or NDJSON with one
   * JSON object a line. In CSV an apostrophe goes before whatever a spreadsheet would take for a formula, at the start of a text
   * and after each `;`, tab or line break in it. NDJSON holds every text as it was sent. The file breaks off within a second
   * when your token, session or app ends. For a long download use a key with `read`.
   */
  @Get('export')
  @Header('cache-control', 'no-store')
  @ApiOkResponse({
    content: Object.fromEntries(Object.values(EXPORT_TYPES).map((type) => [type, { schema: { type: 'string' } }])),
  })
  @ReaderRoute()
  exportEvents(
    @CurrentAsker() asker: Asker,
    @Query() query: ExportQuery,
    @Req() request: FastifyRequest,
  ): Promise<StreamableFile> {
    return this.exports.export(asker, query, request);
  }

  /**
   * Stream what happens now. Server-sent events: `counts` (`{total, minutes: [{minute, count}]}`) covers the last 30 minutes, and
   * `events` brings the newest events as they are stored (as `GET /api/analytics/events` lists them). `unavailable` (`{code,
   * detail}`) says that ClickHouse does not answer; `counts` comes again when it does. A comment comes every 15 seconds. Send Last-Event-ID to resume. The stream ends within a second when your token, session or app ends.
   */
  @Get('live')
  @Header('cache-control', 'no-store')
  @Header('x-accel-buffering', 'no')
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  @ReaderRoute()
  streamLive(
    @CurrentAsker() asker: Asker,
    @Query() query: LiveQuery,
    @Req() request: FastifyRequest,
  ): Promise<StreamableFile> {
    return this.liveService.open(asker, query, request);
  }

  /** List users. The user seen last comes first. Search by a part of an id. The same user id in two apps is one user. */
  @Get('users')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  listUsers(@CurrentAsker() asker: Asker, @Query() query: UserListQuery): Promise<UserListDto> {
    return this.userList.list(asker, query);
  }

  /** List the events of a user. The newest comes first. Answers the user's devices too, over all of your apps. */
  @Get('users/timeline')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  getUserTimeline(@CurrentAsker() asker: Asker, @Query() query: TimelineQuery): Promise<TimelineDto> {
    return this.userList.timeline(asker, query);
  }

  /**
   * List events. The newest comes first, by the time that their sender stated. An event of a clock that ran fast is in the range
   * in which it occurred.
   */
  @Get('events')
  @Header('cache-control', 'no-store')
  @ReaderRoute()
  listEvents(@CurrentAsker() asker: Asker, @Query() query: EventListQuery): Promise<EventListDto> {
    return this.eventList.list(asker, query);
  }

  /**
   * Look up what became of an event. It is stored, a dead letter, or not known yet. Use the `id` of the 202 answer, or your own
   * eventId if it is a UUIDv7 that you sent without a timestamp.
   */
  @Get('events/:id/receipt')
  @Header('cache-control', 'no-store')
  @ReaderRoute('any')
  getReceipt(@CurrentAsker() asker: Asker, @Param('id') id: string): Promise<ReceiptDto> {
    return this.receipts.receipt(asker, id);
  }
}

import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { BufferModule } from '../buffer/buffer.module.js';
import { QuestionsModule } from '../questions/questions.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { AnalyticsScope } from './analytics-scope.js';
import { AnalyticsController } from './analytics.controller.js';
import { BreakdownService } from './breakdown.service.js';
import { CompleteTo } from './complete-to.js';
import { CopiedEvents } from './copied-events.js';
import { EventExport } from './event-export.js';
import { ExportPace } from './export-pace.js';
import { ExportSlices } from './export-slices.js';
import { EventListService } from './event-list.service.js';
import { EventSummaryService } from './event-summary.service.js';
import { LiveFeeds } from './live-feeds.js';
import { LiveService } from './live.service.js';
import { OpenStreams } from './open-streams.js';
import { ReceiptService } from './receipt.service.js';
import { SeriesService } from './series.service.js';
import { UserListService } from './user-list.service.js';
import { UserStatsService } from './user-stats.service.js';

/** Questions about what was counted. It only reads, and knows neither collect nor processing. */
@Module({
  imports: [AccessModule, BufferModule, QuestionsModule, RegistryModule],
  controllers: [AnalyticsController],
  providers: [
    AnalyticsScope,
    EventSummaryService,
    SeriesService,
    EventListService,
    CopiedEvents,
    EventExport,
    ExportSlices,
    ExportPace,
    OpenStreams,
    LiveFeeds,
    LiveService,
    BreakdownService,
    CompleteTo,
    UserStatsService,
    UserListService,
    ReceiptService,
  ],
  exports: [OpenStreams, ExportPace],
})
export class AnalyticsModule {}

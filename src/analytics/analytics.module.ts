import { Module } from '@nestjs/common';
import { AnalyticsScope } from './analytics-scope.js';
import { AnalyticsController } from './analytics.controller.js';
import { EventSummaryService } from './event-summary.service.js';
import { ReceiptService } from './receipt.service.js';
import { UserStatsService } from './user-stats.service.js';

/** Questions about what was counted. It only reads, and knows neither collect nor processing. */
@Module({
  controllers: [AnalyticsController],
  providers: [AnalyticsScope, EventSummaryService, UserStatsService, ReceiptService],
})
export class AnalyticsModule {}

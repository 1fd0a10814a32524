import { Global, Module } from '@nestjs/common';
import { BufferModule } from '../buffer/buffer.module.js';
import { BacklogFigures } from './backlog-figures.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGuard } from './metrics.guard.js';
import { Metrics } from './metrics.service.js';

/** The process's figures, and /metrics. */
@Global()
@Module({
  imports: [BufferModule],
  controllers: [MetricsController],
  providers: [Metrics, MetricsGuard, BacklogFigures],
  exports: [Metrics],
})
export class MetricsModule {}

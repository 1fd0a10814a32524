import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { BufferGauge } from '../buffer/buffer-gauge.js';
import { BufferModule } from '../buffer/buffer.module.js';
import { WorkerWatch } from '../buffer/worker-watch.js';
import { RegistryModule } from '../registry/registry.module.js';
import { BufferService } from './buffer.service.js';
import { BodiesUnderWay } from './bodies-under-way.js';
import { CollectBodies } from './collect-bodies.js';
import { CollectLimits } from './collect-limits.js';
import { CollectController } from './collect.controller.js';
import { CollectService } from './collect.service.js';
import { IngestMetrics } from './ingest-metrics.js';
import { ParsePipe } from './parse.pipe.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/** Takes events, by the steps of ingest-steps.ts. Answers when Redis has fsynced. */
@Module({
  imports: [AccessModule, BufferModule, RegistryModule],
  controllers: [CollectController],
  providers: [
    ...[BodiesUnderWay, CollectBodies, CollectLimits, CollectService, IngestMetrics, ParsePipe, RateLimitGuard],
    ...[BufferService, BufferGauge, WorkerWatch],
  ],
  exports: [BufferGauge],
})
export class CollectModule {}

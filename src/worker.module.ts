import { type DynamicModule, Module } from '@nestjs/common';
import { LoggerModule } from './common/logger.module.js';
import { RedisModule } from './common/redis.module.js';
import { ConfigModule } from './config/config.module.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthModule } from './health/health.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { ProcessingModule } from './processing/processing.module.js';
import type { ProcessParts } from './process-parts.js';

/** The worker process: stores and counts what was accepted. */
@Module({})
export class WorkerModule {
  static with({ env, logger, dataSources, redis }: ProcessParts): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        ConfigModule.with(env),
        LoggerModule.with(logger),
        RedisModule.with(redis),
        DatabaseModule.with(dataSources),
        MetricsModule,
        ProcessingModule.with(env),
        HealthModule.with('strict'),
      ],
    };
  }
}

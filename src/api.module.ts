import { type DynamicModule, Module } from '@nestjs/common';
import { AccountsModule } from './accounts/accounts.module.js';
import { AnalyticsModule } from './analytics/analytics.module.js';
import { ApiKeyModule } from './api-keys/api-key.module.js';
import { AuditLogModule } from './audit-log/audit-log.module.js';
import { AppsModule } from './apps/apps.module.js';
import { AuthModule } from './auth/auth.module.js';
import { CollectModule } from './collect/collect.module.js';
import { LoggerModule } from './common/logger.module.js';
import { RedisModule } from './common/redis.module.js';
import { ConfigModule } from './config/config.module.js';
import { DatabaseModule } from './database/database.module.js';
import { DeadLettersModule } from './dead-letters/dead-letters.module.js';
import { ErasuresModule } from './erasures/erasures.module.js';
import { HealthModule } from './health/health.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { OperationModule } from './operation/operation.module.js';
import { PeopleModule } from './people/people.module.js';
import type { ProcessParts } from './process-parts.js';
import { TrackerModule } from './tracker/tracker.module.js';
import { RegistryModule } from './registry/registry.module.js';

/** The HTTP process: accepts events, answers questions, signs people in. */
@Module({})
export class ApiModule {
  static with({ env, logger, dataSources, redis }: ProcessParts): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        ConfigModule.with(env),
        LoggerModule.with(logger),
        RedisModule.with(redis),
        DatabaseModule.with(dataSources),
        MetricsModule,
        AuditLogModule,
        AuthModule,
        ErasuresModule,
        AppsModule,
        PeopleModule,
        ApiKeyModule,
        CollectModule,
        AnalyticsModule,
        DeadLettersModule,
        TrackerModule,
        OperationModule,
        AccountsModule,
        HealthModule.with('lenient', [CollectModule, RegistryModule]),
      ],
    };
  }
}

import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AnalyticsModule } from '../analytics/analytics.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { ErasuresModule } from '../erasures/erasures.module.js';
import { QuestionsModule } from '../questions/questions.module.js';
import { PeopleController } from './people.controller.js';
import { PersonExport } from './person-export.js';

/** What an app's owner owes the people in it: export and erasure. */
@Module({
  imports: [AccessModule, AnalyticsModule, AuditLogModule, ErasuresModule, QuestionsModule],
  controllers: [PeopleController],
  providers: [PersonExport],
})
export class PeopleModule {}

import { Module } from '@nestjs/common';
import { AnalyticsModule } from '../analytics/analytics.module.js';
import { PeopleController } from './people.controller.js';
import { PersonExport } from './person-export.js';

/** What an app's owner owes the people in it: export and erasure. */
@Module({ imports: [AnalyticsModule], controllers: [PeopleController], providers: [PersonExport] })
export class PeopleModule {}

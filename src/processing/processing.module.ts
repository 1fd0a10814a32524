import { Module, type Provider } from '@nestjs/common';
import { DataSource, type EntityManager, type EntityTarget, type ObjectLiteral, type Repository } from 'typeorm';
import { DeadLetter, Event, EventSummary, IngestClaim } from '../database/entities/index.js';
import { ClaimStore } from './claim.store.js';
import { DrainProcessor } from './drain.processor.js';
import { DrainService } from './drain.service.js';
import { EventWriter } from './event-writer.js';
import { Partitions } from './partitions.js';
import { ClaimRepository } from './repositories/claim.repository.js';
import { DeadLetterRepository } from './repositories/dead-letter.repository.js';
import { EventRepository } from './repositories/event.repository.js';
import { RollupRepository } from './repositories/rollup.repository.js';
import { Tidy } from './tidy.js';

/** From the buffer to MySQL: the only writer of events and rollups. */
@Module({
  providers: [
    repository(ClaimRepository, IngestClaim),
    repository(EventRepository, Event),
    repository(RollupRepository, EventSummary),
    repository(DeadLetterRepository, DeadLetter),
    ClaimStore,
    EventWriter,
    DrainService,
    DrainProcessor,
    Partitions,
    Tidy,
  ],
})
export class ProcessingModule {}

/** A TypeORM repository with SQL of its own. */
function repository<E extends ObjectLiteral, R extends Repository<E>>(
  type: new (target: EntityTarget<E>, manager: EntityManager) => R,
  entity: EntityTarget<E>,
): Provider {
  return { provide: type, inject: [DataSource], useFactory: (source: DataSource) => new type(entity, source.manager) };
}

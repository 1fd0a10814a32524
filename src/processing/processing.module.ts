import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { DataSource, type EntityManager, type EntityTarget, type ObjectLiteral, type Repository } from 'typeorm';
import { BufferModule } from '../buffer/buffer.module.js';
import { DeadLetter, Erasure, Event, EventSummary, IngestClaim, ReadModelState } from '../database/entities/index.js';
import type { Env } from '../config/env.js';
import { ReadModelModule } from '../read-model/read-model.module.js';
import { ClaimStore } from './claim.store.js';
import { AppEraser } from './erasure/app-eraser.js';
import { Eraser } from './erasure/eraser.js';
import { ErasureRepository } from './erasure/erasure.repository.js';
import { PersonEraser } from './erasure/person-eraser.js';
import { ReadModelEraser } from './erasure/read-model-eraser.js';
import { PersonTraces } from './erasure/person-traces.js';
import { RedisFiles } from './erasure/redis-file.js';
import { DrainProcessor } from './drain.processor.js';
import { DrainService } from './drain.service.js';
import { EventWriter } from './event-writer.js';
import { OldUserTables } from './old-user-tables/old-user-tables.js';
import { OldUserTablesRepository } from './old-user-tables/old-user-tables.repository.js';
import { Partitions } from './partitions.js';
import { ClaimRepository } from './repositories/claim.repository.js';
import { DeadLetterRepository } from './repositories/dead-letter.repository.js';
import { EventRepository } from './repositories/event.repository.js';
import { RollupRepository } from './repositories/rollup.repository.js';
import { ReadModelExpiry } from './retention/read-model-expiry.js';
import { Retention } from './retention/retention.js';
import { Tidy } from './tidy.js';

/** From the buffer to MySQL: the only writer of events and rollups. */
@Module({
  imports: [BufferModule],
  providers: [
    repository(ClaimRepository, IngestClaim),
    repository(EventRepository, Event),
    repository(RollupRepository, EventSummary),
    repository(DeadLetterRepository, DeadLetter),
    repository(ErasureRepository, Erasure),
    repository(OldUserTablesRepository, ReadModelState),
    ClaimStore,
    EventWriter,
    DrainService,
    DrainProcessor,
    Partitions,
    Tidy,
    OldUserTables,
    PersonEraser,
    PersonTraces,
    AppEraser,
    RedisFiles,
    Eraser,
    Retention,
  ],
})
export class ProcessingModule {
  /** @param env says where events are copied to, if anywhere */
  static with(env: Env): DynamicModule {
    const providers = env.readModel ? [ReadModelEraser, ReadModelExpiry] : [];
    return { module: ProcessingModule, imports: [ReadModelModule.with(env)], providers };
  }
}

/** A TypeORM repository with SQL of its own. */
function repository<E extends ObjectLiteral, R extends Repository<E>>(
  type: new (target: EntityTarget<E>, manager: EntityManager) => R,
  entity: EntityTarget<E>,
): Provider {
  return { provide: type, inject: [DataSource], useFactory: (source: DataSource) => new type(entity, source.manager) };
}

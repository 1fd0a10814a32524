import { type DynamicModule, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ArchivedUser, OutboxBatch, ReadModelState } from '../database/entities/index.js';
import { Env } from '../config/env.js';
import { ArchiveCopy } from './archive/archive-copy.js';
import { ArchiveRepair } from './archive/archive-repair.js';
import { ArchiveRepository } from './archive/archive.repository.js';
import { Backfill } from './backfill/backfill.js';
import { FillRepository } from './backfill/fill.repository.js';
import { CopySender } from './copy-sender.js';
import { ReadModelDeletions } from './deletions/read-model-deletions.js';
import { LateCopies } from './outbox/late-copies.js';
import { OutboxRecovery } from './outbox/outbox-recovery.js';
import { OutboxRepository } from './outbox/outbox.repository.js';
import { Projector } from './projector.js';
import { ReadModelConnection } from './read-model-connection.js';
import { ReadModelMetrics } from './read-model-metrics.js';
import { ReadModelStore } from './read-model-store.js';
import { OutdatedDerivation } from './outdated-derivation.js';
import { RestoredBackup } from './restored-backup.js';
import { Reconciler } from './reconciler.js';

/**
 * The copy of every committed event in ClickHouse, as a worker keeps it. Where there is no ClickHouse the outbox and the
 * archive are there; the outbox then takes no rows.
 */
@Module({})
export class ReadModelModule {
  static with({ readModel }: Pick<Env, 'readModel'>): DynamicModule {
    const outbox = {
      provide: OutboxRepository,
      inject: [DataSource],
      useFactory: (source: DataSource) => new OutboxRepository(OutboxBatch, source.manager),
    };
    const archive = {
      provide: ArchiveRepository,
      inject: [DataSource],
      useFactory: (source: DataSource) => new ArchiveRepository(ArchivedUser, source.manager),
    };
    const store = {
      provide: ReadModelStore,
      inject: [Env],
      useFactory: (env: Env) => new ReadModelStore(env.readModel!, env.copyTimeoutMs),
    };
    const fills = {
      provide: FillRepository,
      inject: [DataSource],
      useFactory: (source: DataSource) => new FillRepository(ReadModelState, source.manager),
    };
    const copying = readModel
      ? [
          store,
          ReadModelMetrics,
          RestoredBackup,
          OutdatedDerivation,
          ReadModelConnection,
          Reconciler,
          CopySender,
          Projector,
          OutboxRecovery,
          fills,
          Backfill,
          LateCopies,
          ReadModelDeletions,
          ArchiveRepair,
          ArchiveCopy,
        ]
      : [];
    return {
      module: ReadModelModule,
      providers: [outbox, archive, ...copying],
      exports: [
        OutboxRepository,
        ArchiveRepository,
        ...(readModel
          ? [
              Projector,
              ReadModelStore,
              Reconciler,
              ReadModelConnection,
              FillRepository,
              ReadModelDeletions,
              ArchiveRepair,
            ]
          : []),
      ],
    };
  }
}

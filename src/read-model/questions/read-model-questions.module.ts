import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { OutboxBatch } from '../../database/entities/index.js';
import { OutboxRepository } from '../outbox/outbox.repository.js';
import { ReadModelReader } from './read-model-reader.js';
import { ReadModelReadiness } from './read-model-readiness.js';

/** What the API process needs of the read model: to ask it, and to know whether and up to when it is complete. */
@Module({
  providers: [
    ReadModelReader,
    ReadModelReadiness,
    {
      provide: OutboxRepository,
      inject: [DataSource],
      useFactory: (source: DataSource) => new OutboxRepository(OutboxBatch, source.manager),
    },
  ],
  exports: [ReadModelReader, ReadModelReadiness, OutboxRepository],
})
export class ReadModelQuestionsModule {}

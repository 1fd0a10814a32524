import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ApiKey, ENTITIES, Session, User } from './entities/index.js';
import { CONTROL, QUESTIONS } from './pools.js';

/** Data sources of a process, made and checked before Nest starts. */
export interface DataSources {
  usual: DataSource;
  /** See pools.ts. */
  control: DataSource;
  /** The API's alone. */
  questions?: DataSource;
}

/** Hands out the process's data sources and the repositories; those of sessions, users and keys on `control` too. */
@Global()
@Module({})
export class DatabaseModule {
  static with({ usual, control, questions }: DataSources): DynamicModule {
    const given = (dataSource: DataSource, name?: string) =>
      TypeOrmModule.forRootAsync({
        ...(name ? { name } : {}),
        useFactory: () => dataSource.options,
        dataSourceFactory: () => Promise.resolve(dataSource),
      });
    return {
      module: DatabaseModule,
      imports: [
        given(usual),
        given(control, CONTROL),
        ...(questions ? [given(questions, QUESTIONS)] : []),
        TypeOrmModule.forFeature(ENTITIES),
        TypeOrmModule.forFeature([Session, User, ApiKey], CONTROL),
      ],
      exports: [TypeOrmModule],
    };
  }
}

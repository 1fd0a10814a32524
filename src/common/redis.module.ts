import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Redis } from 'ioredis';

/** Hands out the process's one fail-fast connection, made and checked before Nest starts. */
@Global()
@Module({})
export class RedisModule {
  static with(redis: Redis): DynamicModule {
    return { module: RedisModule, providers: [{ provide: Redis, useValue: redis }], exports: [Redis] };
  }
}

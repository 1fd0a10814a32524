import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Env } from './env.js';

/** Hands the one validated Env to whoever asks for it. */
@Global()
@Module({})
export class ConfigModule {
  static with(env: Env): DynamicModule {
    return { module: ConfigModule, providers: [{ provide: Env, useValue: env }], exports: [Env] };
  }
}

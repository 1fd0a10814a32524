import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { BufferModule } from '../buffer/buffer.module.js';
import { Readiness } from '../common/readiness.js';
import { HealthController } from './health.controller.js';
import { HEALTH_MODE, type HealthMode } from './health-mode.js';
import { HealthService } from './health.service.js';

/** /health and /ready of a process, and whether it was told to stop. */
@Module({})
export class HealthModule {
  /** @param imports where this process accepts events: the modules that export the buffer's gauge and the registry */
  static with(mode: HealthMode, imports: NonNullable<ModuleMetadata['imports']> = []): DynamicModule {
    return {
      module: HealthModule,
      imports: [BufferModule, ...imports],
      controllers: [HealthController],
      providers: [Readiness, HealthService, { provide: HEALTH_MODE, useValue: mode }],
      exports: [Readiness, HealthService],
    };
  }
}

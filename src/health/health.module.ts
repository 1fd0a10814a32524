import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { Readiness } from '../common/readiness.js';
import { HealthController } from './health.controller.js';
import { HEALTH_MODE, type HealthMode } from './health-mode.js';
import { HealthService } from './health.service.js';

/** /health and /ready of a process, and whether it was told to stop. */
@Module({})
export class HealthModule {
  /** @param imports modules that export what acceptance depends on (the buffer's gauge), where this process accepts */
  static with(mode: HealthMode, imports: ModuleMetadata['imports'] = []): DynamicModule {
    return {
      module: HealthModule,
      imports,
      controllers: [HealthController],
      providers: [Readiness, HealthService, { provide: HEALTH_MODE, useValue: mode }],
      exports: [Readiness, HealthService],
    };
  }
}

import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { ApiKeyModule } from '../api-keys/api-key.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { ErasuresModule } from '../erasures/erasures.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { AppsController } from './apps.controller.js';
import { AppsService } from './apps.service.js';

/** Registering web sites and mobile apps, changing and deleting them. */
@Module({
  imports: [AccessModule, ApiKeyModule, AuditLogModule, ErasuresModule, RegistryModule],
  controllers: [AppsController],
  providers: [AppsService],
  exports: [AppsService],
})
export class AppsModule {}

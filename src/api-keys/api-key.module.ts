import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { ApiKeyController } from './api-key.controller.js';
import { ApiKeyService } from './api-key.service.js';
import { ExpiringKeys } from './expiring-keys.js';
import { SecretCheck } from './secret-check.js';

/** API keys (analytics tokens): creating, listing, showing again, replacing and revoking them. */
@Module({
  imports: [AccessModule, AuditLogModule, RegistryModule],
  controllers: [ApiKeyController],
  providers: [ApiKeyService, SecretCheck, ExpiringKeys],
  exports: [AccessModule, ApiKeyService],
})
export class ApiKeyModule {}

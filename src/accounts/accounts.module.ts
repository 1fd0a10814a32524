import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { AccountStore } from './account-store.js';
import { AccountsController } from './accounts.controller.js';

/** The accounts of the installation, for operators: listing, locking, unlocking them, revoking their keys. */
@Module({
  imports: [AccessModule, AuditLogModule, RegistryModule],
  controllers: [AccountsController],
  providers: [AccountStore],
})
export class AccountsModule {}

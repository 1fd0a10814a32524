import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditLog } from './audit-log.js';
import { AuditLogController } from './audit-log.controller.js';

/** Who did what in an account. */
@Module({ imports: [AccessModule], controllers: [AuditLogController], providers: [AuditLog], exports: [AuditLog] })
export class AuditLogModule {}

import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { BufferModule } from '../buffer/buffer.module.js';
import { QuestionsModule } from '../questions/questions.module.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DeadLettersService } from './dead-letters.service.js';

/** What was accepted and could not be stored: looking at it, and trying it again. */
@Module({
  imports: [AccessModule, AuditLogModule, BufferModule, QuestionsModule],
  controllers: [DeadLettersController],
  providers: [DeadLettersService],
})
export class DeadLettersModule {}

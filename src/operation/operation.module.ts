import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { BufferModule } from '../buffer/buffer.module.js';
import { OperationController } from './operation.controller.js';
import { OperationService } from './operation.service.js';

/** What those who run the installation see of it. */
@Module({
  imports: [AccessModule, BufferModule],
  controllers: [OperationController],
  providers: [OperationService],
})
export class OperationModule {}

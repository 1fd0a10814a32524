import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { OperationController } from './operation.controller.js';
import { OperationService } from './operation.service.js';

/** What those who run the installation see of it. */
@Module({
  imports: [AuthModule],
  controllers: [OperationController],
  providers: [OperationService],
})
export class OperationModule {}

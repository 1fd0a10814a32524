import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { ErasureOrders } from './erasure-orders.js';
import { ErasuresController } from './erasures.controller.js';

/** Orders to erase a person or an app, and how far they have come. */
@Module({
  imports: [AccessModule],
  controllers: [ErasuresController],
  providers: [ErasureOrders],
  exports: [ErasureOrders],
})
export class ErasuresModule {}

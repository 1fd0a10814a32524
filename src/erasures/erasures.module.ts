import { Global, Module } from '@nestjs/common';
import { ErasureOrders } from './erasure-orders.js';
import { ErasuresController } from './erasures.controller.js';

/** Orders to erase a person or an app, and how far they have come. */
@Global()
@Module({ controllers: [ErasuresController], providers: [ErasureOrders], exports: [ErasureOrders] })
export class ErasuresModule {}

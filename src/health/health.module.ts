import { Module } from '@nestjs/common';
import { Readiness } from '../common/readiness.js';

@Module({ providers: [Readiness], exports: [Readiness] })
export class HealthModule {}

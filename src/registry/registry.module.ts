import { Module } from '@nestjs/common';
import { RegistryService } from './registry.service.js';

/** What every API process knows without asking MySQL. */
@Module({ providers: [RegistryService], exports: [RegistryService] })
export class RegistryModule {}
